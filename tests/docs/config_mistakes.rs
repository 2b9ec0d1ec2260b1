//! Slips in the name and in the value of each key: what is told, with line, section, key, the value given, and what is
//! allowed.

use std::collections::BTreeSet;

use fluent_anomaly::Config;
use fluent_anomaly::configuration::{ConfigProblem, Key, KeyKind, keys};

use super::common::slips::slips;
use super::config_keys::{file, sections};

fn line_of(text: &str, line: &str) -> u32 {
    text.lines().position(|one| one == line).unwrap() as u32 + 1
}

/// What is told of a key.
fn told(text: &str, key: &str) -> Vec<ConfigProblem> {
    let problems = match Config::parse("f.ini", text) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().to_vec(),
    };
    problems
        .into_iter()
        .filter(|problem| problem.at_key().is_some_and(|at| at.eq_ignore_ascii_case(key)))
        .collect()
}

#[test]
fn each_slip_in_the_name_of_a_key_is_refused_with_its_line_and_the_key_that_is_meant() {
    let (mut tried, mut suggested) = (0, 0);
    for key in keys() {
        for section in sections(key) {
            let title = if key.section.contains('.') { format!("{section}.") } else { section.to_owned() };
            let known: BTreeSet<String> = keys()
                .filter(|other| sections(other).contains(&section))
                .map(|other| other.key.to_lowercase())
                .collect();
            for slip in slips(key.key).into_iter().filter(|slip| !known.contains(&slip.to_lowercase())) {
                let line = format!("{slip}: {}", key.example);
                let text = file(section, key.key, &line);
                let problems = told(&text, &slip);
                let [problem] = &problems[..] else { panic!("[{section}] {line}: {problems:?}") };
                assert_eq!(problem.line(), line_of(&text, &line), "[{section}] {line}");
                assert!(problem.at_section().unwrap().starts_with(&title), "[{section}] {line}");
                let meant = problem.message().strip_prefix("unknown key; did you mean `");
                let meant = meant.map(|rest| rest.trim_end_matches("`?").split("` or `").collect::<Vec<_>>());
                let allowed = problem.message().strip_prefix("unknown key; allowed here: ");
                let allowed = allowed.map(|rest| rest.split(", ").collect::<Vec<_>>());
                let is_there = [&meant, &allowed].into_iter().flatten().flatten().any(|one| *one == key.key);
                assert!(is_there, "[{section}] {line}: {}", problem.message());
                // of a key of one or two letters nothing is left to compare
                assert!(meant.is_some() || key.key.len() < 5, "[{section}] {line}: {}", problem.message());
                tried += 1;
                suggested += usize::from(meant.is_some());
            }
            // a key may be written in any case
            let shouted = file(section, key.key, &format!("{}: {}", key.key.to_uppercase(), key.example));
            assert!(Config::parse("f.ini", &shouted).is_ok(), "[{section}] {}", key.key);
        }
    }
    assert!(tried > 3000 && suggested * 100 > tried * 97, "{suggested} of {tried}");
}

/// Values that people write where a number, a word or a text of a certain form is wanted.
const WRONG: [&str; 19] = [
    "",
    "soon",
    "-1",
    "0",
    "1.5",
    "1,5",
    "1,000",
    "99999999999999999999",
    "60 sec",
    "60sec",
    "60x",
    "\"60\"",
    "'60'",
    "60 # a comment",
    "yes",
    "true",
    "on",
    "nan",
    "inf",
];

/// Keys whose value is any text, or whose value only another program can judge.
const FREE: [(&str, &str); 21] = [
    ("general", "forward_shared_key"),
    ("general", "forward_username"),
    ("general", "forward_password"),
    ("general", "pidfile_path"),
    ("slack", "url"),
    ("slack", "channel"),
    ("slack", "username"),
    ("slack", "icon_emoji"),
    ("datadog", "query"),
    ("series", "prefix"),
    ("monitor", "prefix"),
    ("monitor", "name"),
    ("monitor", "message"),
    ("monitor", "tags"),
    ("group", "prefix"),
    ("group", "name"),
    ("group", "message"),
    ("group", "tags"),
    ("serve", "shared_key"),
    ("serve", "self_hostname"),
    ("kafka", "brokers"),
];

/// Whether a value of [`WRONG`] may be written for this key.
fn may_be_written(section: &str, key: &Key, value: &str) -> bool {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    match key.kind {
        KeyKind::Integer => {
            let ends = key.allowed.split_once(" to ").unwrap();
            let end = |text: &str| text.split([' ', ',']).next().unwrap().parse::<u64>().ok();
            let (least, most) = (end(ends.0).unwrap(), end(ends.1).unwrap_or(60));
            // 0 of `k`, `T1` and `T2` is the default
            let least = if ["k", "T1", "T2"].contains(&key.key) { 0 } else { least };
            value.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number))
        }
        KeyKind::Number => match key.key {
            "r" | "critical_recovery" | "warning_recovery" => number == Some(0.0),
            "tolerance" => number == Some(1.5),
            "percent" => number.is_some_and(|number| [0.0, 1.5].contains(&number)),
            _ => false,
        },
        KeyKind::Choice => key.allowed.split('`').skip(1).step_by(2).any(|word| word == value),
        KeyKind::Path => !value.is_empty() && !value.starts_with(['"', '\'']),
        KeyKind::Timeframe => false,
        // a name without `$` is a field, too
        KeyKind::Field => {
            let is_name = !value.is_empty() && !value.contains([' ', '"', '\'', ',']);
            let is_list = ["by", "across", "within"].contains(&key.key) && value.starts_with("1,");
            is_name || is_list || (key.key == "by" && value.is_empty())
        }
        KeyKind::Text => {
            let is_topic = ["from", "to", "rekey", "checkpoint_topic"].contains(&key.key);
            let is_plain = !value.is_empty() && !value.contains(['"', '\'']);
            match (section, key.key) {
                (_, "match" | "tick" | "metrics") => is_plain && !value.contains(','),
                (_, "tag_prefix") => is_plain && !value.contains(' '),
                ("general", "forward") => is_plain && !value.contains('#'),
                ("kafka", _) if is_topic => is_plain && !value.contains([' ', ',']),
                ("kafka", _) => is_plain,
                _ => false,
            }
        }
    }
}

#[test]
fn each_wrong_value_is_refused_with_its_line_itself_and_what_is_allowed() {
    let (mut refused, mut faults) = (0, Vec::new());
    for key in keys() {
        for section in sections(key).into_iter().filter(|section| !FREE.contains(&(section, key.key))) {
            for value in WRONG {
                let line = format!("{}: {value}", key.key);
                let text = file(section, key.key, &line);
                let problems = told(&text, key.key);
                let is_taken = problems.is_empty();
                let mut fault = |why: &str| faults.push(format!("[{section}] {line}: {why}: {problems:?}"));
                if is_taken != may_be_written(section, key, value) {
                    fault(if is_taken { "taken" } else { "refused" });
                    continue;
                }
                let [problem, ..] = &problems[..] else { continue };
                refused += 1;
                if problem.line() != line_of(&text, &line) {
                    fault("another line");
                }
                let message = problem.message();
                let given = if value.is_empty() { "empty" } else { value };
                let shows_it = message.contains(&format!("{value:?}"))
                    || message.starts_with("\"#\"") // one of several servers
                    || message.contains(given)
                    || ["the key is needed", "condition is wanted", "found the end"].iter().any(|one| message.contains(one));
                let is_secret = key.key == "users";
                if !shows_it && !is_secret {
                    fault("without the value");
                }
                if problems.len() > 1 {
                    fault("told twice");
                }
                let words: Vec<&str> = key.allowed.split('`').skip(1).step_by(2).collect();
                let says_what = match key.kind {
                    KeyKind::Choice => {
                        words.iter().all(|word| message.contains(word.split('<').next().unwrap()))
                    }
                    KeyKind::Integer => message.contains(" to ") || message.contains("the key is needed"),
                    _ => ["allowed", "needed", "expected", "wanted", "goes with", "put such a key"]
                        .iter()
                        .any(|word| message.contains(word)),
                };
                if !says_what || message.len() < 20 {
                    fault("without what is allowed");
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert!(refused > 1500, "{refused}");
}
