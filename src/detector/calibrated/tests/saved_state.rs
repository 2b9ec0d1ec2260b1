//! A saved series goes on as if nothing had happened, also one that an older version saved.

use super::*;

#[test]
fn a_restored_series_scores_on_bit_for_bit() {
    for cut in [0, 1, 29, 31, 700, 3 * DAY + 17, 8 * DAY] {
        let mut stream = Stream::warmed(cut, daily);
        let bytes = saved(&stream.series);
        let mut r = Reader::new(&bytes);
        let mut back = Calibrated::restore(&stream.spec, &mut r).unwrap();
        assert!(r.is_empty());
        assert_eq!(saved(&back), bytes, "after {cut} points");
        for i in 0..2000 {
            let x = daily(cut + i) + if i == 1000 { 30.0 } else { 0.0 };
            let time = finite(1.4e9 + MINUTE * (stream.i + 1) as f64);
            let other = back.update(&stream.spec, time, finite(x));
            assert_eq!(stream.push(x), other, "point {i} after {cut}");
        }
        assert_eq!(saved(&stream.series), saved(&back));
    }
}

#[test]
fn cut_and_foreign_bytes_are_refused() {
    let stream = Stream::warmed(8 * DAY, daily);
    let bytes = saved(&stream.series);
    for len in 0..bytes.len() {
        let refused = Calibrated::restore(&stream.spec, &mut Reader::new(&bytes[..len]));
        assert!(matches!(refused, Err(CodecError::Truncated { .. })), "{len} bytes");
    }
    let mut other = bytes;
    other[0] ^= 0x80;
    let refused = Calibrated::restore(&stream.spec, &mut Reader::new(&other));
    assert_eq!(refused, Err(CodecError::Invalid { what: "calibrated score" }));
}

/// The state of a series as version 3 or 4 wrote it.
fn older(series: &Calibrated, version: u8) -> Vec<u8> {
    let mut bytes = saved(series);
    bytes[0] = version;
    let mut replace = |part: &dyn Fn(&mut Writer<'_>), old: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut own = Vec::new();
        part(&mut Writer::new(&mut own));
        let at = bytes.windows(own.len()).position(|window| window == own).unwrap();
        bytes.splice(at..at + own.len(), old(&own));
    };
    replace(&|w| series.channels.save(w), &|own| [&own[..13 * 8], &own[14 * 8..]].concat());
    for memory in [&series.score, &series.alarm] {
        // without the three lowest knots, and with the knots that were reached counted from the fourth
        replace(&|w| memory.calibration.save(w), &|own| {
            let (reached, _) = own[148..].split_first_chunk().unwrap();
            let reached = u32::from_le_bytes(*reached).saturating_sub(3).to_le_bytes();
            [&own[..4], &own[4 + 3 * 4..148], &reached].concat()
        });
    }
    if version == 3 {
        replace(&|w| series.stay.save(w), &|_| Vec::new());
    }
    bytes
}

#[test]
fn states_of_older_versions_go_on() {
    for version in [3, 4] {
        let stream = Stream::warmed(2 * DAY, daily);
        let bytes = older(&stream.series, version);
        let mut old = Calibrated::restore(&stream.spec, &mut Reader::new(&bytes)).unwrap();
        assert!(!Calibrated::is_outdated(version));
        let mut new = stream.series.clone();
        let mut alarms = [0; 2];
        for i in 0..3 * DAY {
            let x = daily(2 * DAY + i) + if i == 2 * DAY { 25.0 } else { 0.0 };
            let time = finite(1.4e9 + MINUTE * (2 * DAY + i) as f64);
            let both =
                [&mut old, &mut new].map(|series| series.update(&stream.spec, time, finite(x)).unwrap());
            assert_eq!(both[0].score.to_bits(), both[1].score.to_bits());
            for (alarms, rarity) in alarms.iter_mut().zip(both) {
                *alarms += u32::from(matches!(rarity.alarm, Some(AlarmEvent::Started { .. })));
            }
        }
        assert!(alarms[0] >= 1 && alarms[0].abs_diff(alarms[1]) <= 1, "version {version}: {alarms:?}");
    }
}
