//! Scores of recorded series, one csv for each.

use crate::finite;
use fluent_anomaly::detectors::{Calibrated, CalibratedSpec};
use std::fs;
use std::path::Path;

pub(crate) fn run(spec: &CalibratedSpec, data: &str, out: &str) {
    let mut files = 0;
    for folder in fs::read_dir(data).expect("DATA is a folder").flatten() {
        if !folder.path().is_dir() {
            continue;
        }
        let target = Path::new(out).join(folder.file_name());
        fs::create_dir_all(&target).expect("OUT can be written");
        for file in fs::read_dir(folder.path()).expect("a folder").flatten() {
            let text = fs::read_to_string(file.path()).expect("a text file");
            fs::write(target.join(file.file_name()), score(spec, &text)).expect("OUT can be written");
            files += 1;
        }
    }
    println!("{files} files scored");
}

fn score(spec: &CalibratedSpec, text: &str) -> String {
    let mut out = String::from("timestamp,value,anomaly_score\n");
    let mut series = Calibrated::new(spec);
    for line in text.lines().skip(1) {
        let Some((stamp, value)) = line.trim().split_once(',') else { continue };
        let number = value.parse().ok().and_then(fluent_anomaly::detectors::Finite::new);
        let rarity = number.and_then(|x| series.update(spec, finite(seconds(stamp)), x));
        out += &format!("{stamp},{value},{}\n", rarity.map_or(0.0, |r| r.score));
    }
    out
}

/// `YYYY-MM-DD hh:mm:ss` (UTC) -> s since 1970 (days from civil, H. Hinnant).
fn seconds(stamp: &str) -> f64 {
    let n = |from: usize, to: usize| stamp[from..to].parse::<i64>().expect("a timestamp");
    let (year, month, day) = (n(0, 4), n(5, 7), n(8, 10));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    (days * 86_400 + n(11, 13) * 3600 + n(14, 16) * 60 + n(17, 19)) as f64
}
