//! Templates of log lines: cost of a line, and how well lines are grouped.
//!
//! `cargo bench --bench log_patterns` generates a million lines of 200 templates with two new ones late in the stream. With
//! `LOGHUB=/folder` it also reads each `*_structured.csv` there, as github.com/logpai/loghub has them, and prints the grouping accuracy
//! (J. Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019): the share of lines whose group holds exactly the
//! lines of their template.

use std::collections::HashMap;
use std::time::Instant;

use fluent_anomaly::detectors::LogPatterns;

const TEMPLATES: usize = 200;
const LINES: usize = 1_000_000;
const NEW_AT: [usize; 2] = [700_000, 900_000];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ x >> 31) % n as u64) as usize
    }
}

const WORDS: &str = "request response user session order payment cart item stock cache queue worker job task retry timeout \
    connection socket stream buffer block chunk file disk volume mount snapshot backup restore index query table row column key \
    value token login logout password account profile email message topic partition offset leader follower replica shard cluster \
    node host pod container image deploy rollback release version config reload flag feature metric trace span log alert probe \
    health check ready started stopped failed finished created deleted updated opened closed accepted rejected received sent";
const NAMES: &str = "ann bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil trent victor walter";

/// A template: fixed words, `#` for a number, `@` for a name, `%` for an id.
fn template(random: &mut Random) -> Vec<&'static str> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let len = 5 + random.below(12);
    let mut template: Vec<&str> = (0..len).map(|_| words[random.below(words.len())]).collect();
    for _ in 0..1 + len / 4 {
        let place = 2 + random.below(len - 2);
        template[place] = ["#", "#", "%", "@"][random.below(4)];
    }
    // no more than one name a template: else the words that stay are too few to tell it
    let mut has_name = false;
    for word in &mut template {
        if *word == "@" && std::mem::replace(&mut has_name, true) {
            *word = "#";
        }
    }
    template
}

fn line(template: &[&str], random: &mut Random) -> String {
    let names: Vec<&str> = NAMES.split_whitespace().collect();
    let words = template.iter().map(|word| match *word {
        "#" => format!("{}", random.below(100_000)),
        "%" => format!("id-{:08x}-{:04}", random.below(1 << 31), random.below(9999)),
        "@" => names[random.below(names.len())].to_owned(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The share of lines whose group holds exactly the lines of their template.
fn accuracy(pairs: impl Iterator<Item = (u32, usize)> + Clone) -> f64 {
    let (mut both, mut groups, mut truths) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut lines = 0u64;
    for (group, truth) in pairs {
        *both.entry((group, truth)).or_insert(0u64) += 1;
        *groups.entry(group).or_insert(0u64) += 1;
        *truths.entry(truth).or_insert(0u64) += 1;
        lines += 1;
    }
    let exact =
        both.iter().filter(|((group, truth), count)| groups[group] == **count && truths[truth] == **count);
    exact.map(|(_, count)| *count as f64).sum::<f64>() / lines as f64
}

fn generated() {
    let mut random = Random(7);
    let templates: Vec<_> = (0..TEMPLATES + 2).map(|_| template(&mut random)).collect();
    let truths: Vec<usize> = (0..LINES)
        .map(|n| match NEW_AT.iter().position(|&at| n >= at && n % 5000 == 0) {
            _ if n == NEW_AT[0] => TEMPLATES,
            _ if n == NEW_AT[1] => TEMPLATES + 1,
            Some(_) if n > NEW_AT[1] => TEMPLATES + n / 5000 % 2,
            // some templates are a hundred times as frequent as others
            _ => random.below(TEMPLATES).min(random.below(TEMPLATES)),
        })
        .collect();
    let lines: Vec<String> = truths.iter().map(|&truth| line(&templates[truth], &mut random)).collect();
    let bytes: usize = lines.iter().map(String::len).sum();

    let mut patterns = LogPatterns::default();
    let begun = Instant::now();
    let seen: Vec<_> = lines.iter().map(|line| patterns.observe(line.as_bytes())).collect();
    let took = begun.elapsed();
    let new = |from: usize, to: usize| (from..to).filter(|&n| seen[n].is_new).collect::<Vec<_>>();
    println!(
        "generated: {LINES} lines of {} bytes, {TEMPLATES} templates and 2 new ones\n  {:.2} us a line, grouping accuracy {:.4}, {} templates found\n  new behind line 100000: {:?} (expected {NEW_AT:?})",
        bytes / LINES,
        took.as_secs_f64() * 1e6 / LINES as f64,
        accuracy(seen.iter().map(|seen| seen.id).zip(truths.iter().copied())),
        patterns.len(),
        new(100_000, LINES),
    );
}

/// The fields of one line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

fn labelled(folder: &str) -> std::io::Result<()> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::path);
    let mut accuracies = Vec::new();
    for file in files.iter().filter(|file| file.path().to_string_lossy().ends_with("_structured.csv")) {
        let text = String::from_utf8_lossy(&std::fs::read(file.path())?).replace('\r', "");
        let mut rows = text.lines();
        let head = fields(rows.next().unwrap_or_default());
        let column = |name: &str| head.iter().position(|field| field == name).unwrap_or(usize::MAX);
        let (content, event) = (column("Content"), column("EventId"));
        let (mut patterns, mut events, mut pairs) = (LogPatterns::default(), HashMap::new(), Vec::new());
        for row in rows {
            let row = fields(row);
            let (Some(content), Some(event)) = (row.get(content), row.get(event)) else { continue };
            let count = events.len();
            let truth = *events.entry(event.clone()).or_insert(count);
            pairs.push((patterns.observe(content.as_bytes()).id, truth));
        }
        let accuracy = accuracy(pairs.iter().copied());
        println!(
            "  {:<40} {:>5} lines, {:>4} templates, {:>4} found: {accuracy:.3}",
            file.file_name().to_string_lossy(),
            pairs.len(),
            events.len(),
            patterns.len()
        );
        accuracies.push(accuracy);
    }
    println!(
        "  mean of {}: {:.3}",
        accuracies.len(),
        accuracies.iter().sum::<f64>() / accuracies.len().max(1) as f64
    );
    Ok(())
}

fn main() {
    generated();
    if let Ok(folder) = std::env::var("LOGHUB")
        && let Err(error) = labelled(&folder)
    {
        eprintln!("{folder}: {error}");
    }
}
