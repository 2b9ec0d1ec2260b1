//! Scores of recorded series, one csv for each.

use crate::finite;
use crate::recorded::seconds;
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
