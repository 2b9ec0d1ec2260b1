//! Generated series of the scripts that stand beside the labelled ones: does an incident stay visible after a larger one,
//! and are the cases of the trade found?

use crate::alarms::{Alarm, alarms};
use crate::recorded::{Recorded, labelled_folder, series};
use crate::{DAY_S, in_parallel};
use fluent_anomaly::{detectors::CalibratedSpec, internals::Tuning};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// First point of each series, s.
const BEGIN_S: f64 = 1_767_571_200.0;

/// The folder of series that a script writes, written once.
fn written(script: &str, seed: Option<&str>) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/quality").join(script);
    if !folder.exists() {
        let path = labelled_folder().join(script).with_extension("py");
        let mut command = Command::new("python3");
        command.arg(path).arg(&folder).args(seed);
        assert!(command.status().expect("python3 runs").success(), "{script} needs python3 and numpy");
    }
    folder
}

fn told(spec: &CalibratedSpec, all: &[Recorded]) -> Vec<Vec<Alarm>> {
    in_parallel(all.len() as u64, |i| alarms(spec, &all[i as usize]))
}

/// Of ten series a cell: an incident of 10 deviations, some days after one of 20.
pub(crate) fn masking(tuning: Tuning) {
    let all = series(&written("masking", None));
    let spec = CalibratedSpec { tuning, ..CalibratedSpec::default() };
    let mut cells: BTreeMap<(String, String, u32), u32> = BTreeMap::new();
    for (one, told) in all.iter().zip(told(&spec, &all)) {
        let [kind, first, gap, _] = one.name.split('_').collect::<Vec<_>>()[..] else { continue };
        let gap: u32 = gap.parse().expect("days");
        let at_s = BEGIN_S + 21.0 * DAY_S + 5.0 * 3600.0 + f64::from(gap) * DAY_S;
        let seen = told.iter().any(|alarm| alarm.start_s <= at_s + 1200.0 && alarm.end_s >= at_s);
        *cells.entry((kind.into(), first.into(), gap)).or_default() += u32::from(seen);
    }
    for ((kind, first, gap), seen) in cells {
        match first.as_str() {
            "0" => println!("{kind:6} alone: {seen} of 10"),
            _ => println!("{kind:6} {gap:2} days after one of {first}: {seen} of 10"),
        }
    }
}

/// Incidents that a person would want to hear of, or not.
pub(crate) fn cases(tuning: Tuning) {
    let folder = written("hard_cases", Some("1"));
    let expected = fs::read_to_string(folder.with_extension("expected.json")).expect("what is wanted");
    let expected: BTreeMap<String, Vec<(String, f64, f64, u32)>> =
        serde_json::from_str(&expected).expect("incidents of each series");
    let spec = CalibratedSpec { tuning, ..CalibratedSpec::default() };
    let all = series(&folder);
    let told: BTreeMap<&str, Vec<Alarm>> =
        all.iter().map(|one| one.name.as_str()).zip(told(&spec, &all)).collect();
    let mut kinds: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for one in &all {
        kinds.entry(one.name.rsplit_once('-').map_or("", |(kind, _)| kind)).or_default().push(one);
    }
    for (kind, members) in kinds {
        let mut others = 0u32;
        let mut weeks = 0.0;
        let incidents = &expected[&members[0].name];
        let mut hits: Vec<Vec<(&str, f64)>> = vec![Vec::new(); incidents.len()];
        for one in &members {
            let (told, incidents) = (&told[one.name.as_str()], &expected[&one.name]);
            weeks += (one.times_s[one.times_s.len() - 1] - one.times_s[0]) / (7.0 * DAY_S);
            let meets = |alarm: &Alarm, late_s: f64, (_, from, to, _): &(String, f64, f64, u32)| {
                alarm.start_s <= BEGIN_S + to + late_s && alarm.end_s >= BEGIN_S + from
            };
            for (incident, hits) in incidents.iter().zip(&mut hits) {
                if let Some(alarm) = told.iter().find(|alarm| meets(alarm, 600.0, incident)) {
                    hits.push((alarm.reason(), (alarm.start_s - BEGIN_S - incident.1).max(0.0) / 60.0));
                }
            }
            let is_other = |alarm: &&Alarm| !incidents.iter().any(|incident| meets(alarm, 1200.0, incident));
            others += told.iter().filter(is_other).count() as u32;
        }
        println!("{kind}: {:.2} other alarms a week", f64::from(others) / weeks);
        for ((name, _, _, want), hits) in incidents.iter().zip(hits) {
            let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
            hits.iter().for_each(|(reason, _)| *reasons.entry(reason).or_default() += 1);
            let reasons: Vec<String> = reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            let mut late: Vec<f64> = hits.iter().map(|(_, minutes)| *minutes).collect();
            late.sort_by(f64::total_cmp);
            let late = late.get(late.len() / 2).map_or(String::new(), |late| format!(", {late:.0} min late"));
            let wanted = if *want == 1 { "wanted" } else { "quiet " };
            println!(
                "  {wanted} {:2} of {} {name} ({}){late}",
                hits.len(),
                members.len(),
                reasons.join(", ")
            );
        }
    }
}
