use proptest::prelude::*;

use super::*;
use crate::codec::{CodecError, Reader, Writer};
use crate::time::Time;

/// A model whose result depends on every value and time it ever saw, in order.
#[derive(Debug, Clone, PartialEq)]
struct Digest(u64);

impl Model for Digest {
    type Spec = u64;
    type Silence = Time;
    fn new(spec: &u64) -> Self {
        Self(*spec)
    }
    fn update(&mut self, _: &u64, observation: Observation) {
        let mut bytes = observation.value.to_bits().to_le_bytes().to_vec();
        bytes.extend(observation.time.nanos().to_le_bytes());
        self.0 = crate::codec::checksum(self.0, &bytes);
    }
    fn clock_seconds(_: &u64) -> Option<u32> {
        Some(60)
    }
    fn pass(&mut self, _: &u64, seen: Time, now: Time, report: &mut dyn FnMut(Time)) {
        if now.seconds() - seen.seconds() > 90 {
            self.0 = self.0.rotate_left(1);
            report(seen);
        }
    }
    fn save(&self, _: &u64, w: &mut Writer<'_>) {
        w.u64(self.0);
    }
    fn restore(spec: &u64, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let digest = r.u64("digest")?;
        if *spec == WITH_AN_OLD_PART {
            r.leave_outdated();
        }
        Ok(Self(digest))
    }
    fn memory_bytes(_: &u64) -> usize {
        size_of::<Self>()
    }
}

/// The spec of a section whose saved models hold what an older version wrote.
const WITH_AN_OLD_PART: u64 = 77;

/// Asks for the digest.
struct Sum;

impl Observe<Digest> for Sum {
    type Answer = u64;
    fn observe(self, model: &mut Digest, spec: &u64, observation: Observation) -> u64 {
        model.update(spec, observation);
        model.0
    }
}

fn sections(signatures: &[u64]) -> Vec<BankSection<Digest>> {
    signatures
        .iter()
        .enumerate()
        .map(|(n, &signature)| BankSection {
            id: SectionId { name: format!("s{n}"), signature },
            spec: signature,
        })
        .collect()
}

fn open(storage: &MemoryStorage, max_series: usize) -> Bank<Digest> {
    Bank::open(sections(&[1, 2]), max_series, Box::new(storage.clone()), Flush::EachRecord)
}

fn at(n: u64) -> Observation {
    Observation { time: Time::from_seconds(n as i64), value: n as f64 * 0.5, source: 0 }
}

/// The n-th record of a fixed stream over about 20 series of two sections.
fn step(bank: &mut Bank<Digest>, n: u64) -> u64 {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let key = format!("host:{}", mixed % 11);
    see(bank, (mixed % 2) as u16, key.as_bytes(), at(n)).unwrap()
}

/// One record that causes one observation.
fn see(bank: &mut Bank<Digest>, section: u16, key: &[u8], observation: Observation) -> Option<u64> {
    let seen = bank.observe(section, &SeriesKey::new(key), observation, Sum);
    bank.commit();
    seen
}

fn expected(count: u64, max_series: usize) -> Vec<u64> {
    let mut bank = Bank::in_memory(sections(&[1, 2]), max_series);
    (0..count).map(|n| step(&mut bank, n)).collect()
}

#[test]
fn a_kill_after_any_record_changes_no_score() {
    let expected = expected(400, 100);
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    for n in 0..400 {
        if n % 7 == 0 {
            bank = open(&disk, 100); // the old one is dropped without a word, as a kill does
        }
        assert_eq!(step(&mut bank, n), expected[n as usize], "record {n}");
        assert_eq!(bank.take_notices(), []);
    }
}

#[test]
fn an_instance_per_chunk_compacts_and_stays_small() {
    let expected = expected(40_000, 100);
    let disk = MemoryStorage::new();
    for chunk in 0..400 {
        let mut bank = open(&disk, 100);
        for n in chunk * 100..chunk * 100 + 100 {
            assert_eq!(step(&mut bank, n), expected[n as usize], "record {n}");
        }
        assert_eq!(bank.take_notices(), []);
    }
    let bytes: usize = disk.with_files(|files| files.values().map(Vec::len).sum());
    assert!(bytes < 200_000, "{bytes} bytes left in the folder");
    assert!(disk.with_files(|files| files.len()) < 40);
}

#[test]
fn a_long_life_compacts_without_a_restart() {
    let expected = expected(30_000, 100);
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    for n in 0..20_000 {
        assert_eq!(step(&mut bank, n), expected[n as usize]);
    }
    let mut bank = open(&disk, 100);
    for n in 20_000..30_000 {
        assert_eq!(step(&mut bank, n), expected[n as usize]);
    }
    assert!(disk.with_files(|files| files.len()) <= 3);
}

#[test]
fn the_least_recently_seen_is_evicted_and_counted_also_over_a_restart() {
    let expected = expected(3000, 5);
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 5);
    for n in 0..3000 {
        if n % 97 == 0 {
            bank = open(&disk, 5);
        }
        assert_eq!(step(&mut bank, n), expected[n as usize], "record {n}");
        assert!(bank.len() <= 5);
    }
    let mut reference = Bank::in_memory(sections(&[1, 2]), 5);
    (0..3000).for_each(|n| _ = step(&mut reference, n));
    assert!(reference.evicted() > 100);
    drop(bank);
    assert_eq!(open(&disk, 5).evicted(), reference.evicted());
}

#[test]
fn the_clock_of_a_section_is_that_of_its_latest_record_and_silent_series_are_told() {
    let mut bank = Bank::in_memory(sections(&[1, 2]), 100);
    see(&mut bank, 0, b"silent", at(0));
    see(&mut bank, 1, b"other section", at(0));
    for n in 1..200 {
        see(&mut bank, 0, b"busy", at(n));
    }
    let told: Vec<_> = std::iter::from_fn(|| bank.take_silence(0)).map(|s| (s.section, s.key)).collect();
    assert_eq!(told, [(0, (*b"silent").into()), (0, (*b"silent").into())], "at 120 s and at 180 s");
}

#[test]
fn a_million_series_stay_within_the_cap() {
    let mut bank = Bank::in_memory(sections(&[1]), 1000);
    for n in 0..1_000_000u64 {
        assert!(see(&mut bank, 0, &n.to_le_bytes(), at(n)).is_some());
    }
    assert_eq!((bank.len(), bank.evicted()), (1000, 999_000));
}

#[test]
fn a_lower_cap_after_a_restart_keeps_the_most_recent() {
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    for n in 0..20u64 {
        see(&mut bank, 0, &[n as u8], at(n));
    }
    let mut bank = open(&disk, 3);
    assert_eq!(bank.len(), 3);
    assert!(
        bank.model(0, &SeriesKey::new(&[19])).is_some() && bank.model(0, &SeriesKey::new(&[16])).is_none()
    );
}

#[test]
fn what_an_older_version_wrote_is_left_out_and_told() {
    let disk = MemoryStorage::new();
    let open = || {
        let sections = sections(&[1, WITH_AN_OLD_PART]);
        Bank::open(sections, 100, Box::new(disk.clone()), Flush::EachRecord)
    };
    let mut bank = open();
    let mut digest = None;
    let mut told = Vec::new();
    for chunk in 0..400 {
        told = bank.take_notices();
        if !told.is_empty() {
            break; // there was a snapshot
        }
        for n in chunk * 100..chunk * 100 + 100 {
            step(&mut bank, n);
        }
        digest = bank.model(1, &SeriesKey::new(b"host:4")).cloned();
        drop(bank);
        bank = open();
    }
    let in_section = bank.series().filter(|(section, ..)| *section == 1).count();
    let outdated = StateNotice::Outdated { section: "s1".into(), series: in_section as u64 };
    assert_eq!(told, [outdated]);
    assert!(told[0].to_string().contains("of an older version; these begin anew, all else is kept"));
    assert_eq!(bank.model(1, &SeriesKey::new(b"host:4")).cloned(), digest);
}

#[test]
fn changed_parameters_drop_the_models_of_their_section_only() {
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    for n in 0..200 {
        step(&mut bank, n);
    }
    let kept = bank.series().filter(|(section, ..)| *section == 0).count();
    let dropped = bank.len() - kept;
    let last = bank.model(0, &SeriesKey::new(b"host:4")).cloned();
    drop(bank);
    let mut bank = Bank::open(sections(&[1, 99]), 100, Box::new(disk.clone()), Flush::EachRecord);
    assert_eq!(bank.take_notices(), [StateNotice::Dropped { section: "s1".into(), series: dropped as u64 }]);
    assert_eq!(bank.len(), kept);
    assert_eq!(bank.model(0, &SeriesKey::new(b"host:4")).cloned(), last);
    // and turning back does not bring stale models to life
    drop(bank);
    let bank = open(&disk, 100);
    assert_eq!(bank.len(), kept);
}

#[test]
fn sections_may_change_places() {
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    let before = see(&mut bank, 1, b"k", at(1)).unwrap();
    drop(bank);
    let mut swapped = sections(&[1, 2]);
    swapped.reverse();
    let mut bank = Bank::open(swapped, 100, Box::new(disk), Flush::EachRecord);
    assert_eq!(bank.model(0, &SeriesKey::new(b"k")), Some(&Digest(before)));
}

/// Whatever happens to a byte of a small folder: no panic, no half-used snapshot, scoring goes on, and what is
/// wrong is told.
#[test]
fn every_flipped_or_missing_byte_is_noticed() {
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    for n in 0..3000 {
        step(&mut bank, n); // enough for a snapshot and a journal
    }
    drop(bank);
    let mut bank = open(&disk, 100);
    for n in 3000..3040 {
        step(&mut bank, n);
    }
    drop(bank);
    let names: Vec<String> = disk.with_files(|files| files.keys().cloned().collect());
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let len = disk.with_files(|files| files[&name].len());
        let stride = if len > 4000 { 61 } else { 1 };
        for at_byte in (0..len).step_by(stride) {
            for flip in [true, false] {
                let copy = disk.crashed();
                copy.with_files(|files| {
                    let file = files.get_mut(&name).unwrap();
                    if flip { file[at_byte] ^= 0x10 } else { file.truncate(at_byte) }
                });
                let mut bank = open(&copy, 100);
                let notices = bank.take_notices();
                assert!(see(&mut bank, 0, b"goes on", at(1)).is_some());
                if flip || name == "snapshot" {
                    assert!(!notices.is_empty(), "{name} byte {at_byte} flip {flip}");
                }
                if name == "snapshot" {
                    assert_eq!(bank.len(), 1, "half a snapshot was used: byte {at_byte}");
                }
                // once told, the folder is sound again
                drop(bank);
                let mut again = open(&copy, 100);
                assert_eq!(again.take_notices(), [], "{name} byte {at_byte} flip {flip}");
                assert!(
                    again.model(0, &SeriesKey::new(b"goes on")).is_some(),
                    "{name} byte {at_byte} flip {flip}"
                );
            }
        }
    }
}

/// Gives each frame the checksum of its payload, as far as there are whole frames.
fn seal(file: &mut [u8]) {
    let (mut at, mut chain) = (8, 0);
    while let Some(frame) = file.get_mut(at..) {
        let mut reader = Reader::new(frame);
        let Ok(len) = reader.varint("length") else { return };
        let head = frame.len() - reader.rest().len();
        let end = head.saturating_add(4).saturating_add(len as usize);
        let Some(payload) = frame.get(head + 4..end) else { return };
        chain = crate::codec::checksum(chain, payload);
        frame[head..head + 4].copy_from_slice(&(chain as u32).to_le_bytes());
        at += end;
    }
}

/// Whatever a byte of a folder with a snapshot and several journals says behind a right checksum: the next start is sound.
#[test]
fn a_folder_with_impossible_content_is_told_once() {
    let disk = MemoryStorage::new();
    for start in 0..MANY_STARTS {
        let mut bank = open(&disk, 100);
        for n in 0..3 {
            step(&mut bank, 3 * start + n);
        }
    }
    let names: Vec<String> = disk.with_files(|files| files.keys().cloned().collect());
    assert!(names.len() > 4 && names.contains(&"snapshot".to_owned()), "{names:?}");
    for name in names {
        for at_byte in 0..disk.with_files(|files| files[&name].len()) {
            let flip = [0x01, 0x40, 0x78][at_byte % 3];
            let copy = disk.crashed();
            copy.with_files(|files| {
                let file = files.get_mut(&name).unwrap();
                file[at_byte] ^= flip;
                seal(file);
            });
            let mut bank = open(&copy, 100);
            let told = bank.take_notices();
            see(&mut bank, 0, b"goes on", at(1)).unwrap();
            drop(bank);
            let mut again = open(&copy, 100);
            assert_eq!(again.take_notices(), [], "{name} byte {at_byte} ^ {flip}, before: {told:?}");
            assert!(again.model(0, &SeriesKey::new(b"goes on")).is_some(), "{name} byte {at_byte} ^ {flip}");
        }
    }
}

#[test]
fn journals_behind_one_that_was_deleted_are_put_aside_and_what_follows_is_kept() {
    let disk = MemoryStorage::new();
    for start in 0..6 {
        step(&mut open(&disk, 100), start);
    }
    disk.with_files(|files| files.remove("journal-03")).unwrap();
    let mut bank = open(&disk, 100);
    let told: Vec<String> = bank.take_notices().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("\"journal-04.bad\": it continues a journal that is missing"), "{told:?}");
    let mut expected = Bank::in_memory(sections(&[1, 2]), 100);
    for n in [0, 1, 10, 11, 12] {
        let digest = step(&mut expected, n);
        if n >= 10 {
            assert_eq!(step(&mut bank, n), digest);
            drop(bank);
            bank = open(&disk, 100);
            assert_eq!(bank.take_notices(), []);
        }
    }
}

/// Starts of a bank, so many that there are a snapshot and some journals.
const MANY_STARTS: u64 = 70;

#[test]
fn a_file_from_another_version_is_set_aside_and_told() {
    let disk = MemoryStorage::new();
    see(&mut open(&disk, 100), 0, b"k", at(1));
    disk.with_files(|files| files.get_mut("journal-01").unwrap()[7] = 9);
    let mut bank = open(&disk, 100);
    let told = bank.take_notices();
    assert_eq!(
        told[0].to_string(),
        "state file \"journal-01\" was set aside as \"journal-01.bad\": it has layout 9, this release reads 1; the series it held begin anew"
    );
    assert_eq!(bank.len(), 0);
}

#[test]
fn a_full_disk_stops_saving_not_scoring_and_saving_comes_back() {
    let expected = expected(12_000, 100);
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 100);
    let mut told = Vec::new();
    for n in 0..12_000 {
        match n {
            1000 => disk.limit(Some(10)),
            5000 => disk.limit(None),
            _ => {}
        }
        assert_eq!(step(&mut bank, n), expected[n as usize]);
        told.extend(bank.take_notices());
    }
    assert!(
        matches!(
            told[..],
            [StateNotice::CannotSave(_), StateNotice::StillNotSaved { .. }, StateNotice::SavingAgain]
        ),
        "{told:?}"
    );
    drop(bank);
    let mut bank = open(&disk, 100);
    assert_eq!(bank.take_notices(), []);
    assert_eq!(step(&mut bank, 12_000), self::expected(12_001, 100)[12_000]);
}

#[test]
fn of_two_writers_the_later_wins_and_the_earlier_notices() {
    let disk = MemoryStorage::new();
    let mut first = open(&disk, 100);
    for n in 0..50 {
        step(&mut first, n);
    }
    let mut second = open(&disk, 100);
    let mut told = Vec::new();
    for n in 50..1000 {
        step(&mut first, n);
        told.extend(first.take_notices());
        step(&mut second, n);
    }
    assert_eq!(told, [StateNotice::TakenOver]);
    assert_eq!(second.take_notices(), []);
    drop(second);
    let mut third = open(&disk, 100);
    assert_eq!(third.take_notices(), []);
    assert_eq!(step(&mut third, 1000), expected(1001, 100)[1000]);
}

#[test]
fn a_writer_whose_journal_was_compacted_away_notices() {
    let disk = MemoryStorage::new();
    let mut first = open(&disk, 100);
    step(&mut first, 0);
    let mut second = open(&disk, 100);
    for n in 1..20_000 {
        step(&mut second, n);
    }
    for n in 1..600 {
        step(&mut first, n);
    }
    assert_eq!(first.take_notices(), [StateNotice::TakenOver]);
}

#[test]
fn an_interval_journal_loses_at_most_the_interval() {
    let disk = MemoryStorage::new();
    let open =
        || Bank::<Digest>::open(sections(&[1]), 10, Box::new(disk.clone()), Flush::Interval { seconds: 10 });
    let mut bank = open();
    for n in 0..25 {
        see(&mut bank, 0, b"k", at(n));
    }
    drop(bank);
    let mut reference = Bank::<Digest>::in_memory(sections(&[1]), 10);
    for n in 0..=20 {
        see(&mut reference, 0, b"k", at(n));
    }
    assert_eq!(open().model(0, &SeriesKey::new(b"k")), reference.model(0, &SeriesKey::new(b"k")));
    let mut bank = open();
    see(&mut bank, 0, b"k", at(25));
    bank.flush();
    see(&mut reference, 0, b"k", at(25));
    assert_eq!(open().model(0, &SeriesKey::new(b"k")), reference.model(0, &SeriesKey::new(b"k")));
}

proptest! {
    /// A crash may cut the last write anywhere: the state is that of some earlier record, told if bytes were lost.
    #[test]
    fn a_cut_journal_is_a_prefix_of_the_past(count in 1u64..60, cut in 0usize..40) {
        let disk = MemoryStorage::new();
        let mut bank = open(&disk, 100);
        for n in 0..count {
            step(&mut bank, n);
        }
        drop(bank);
        disk.with_files(|files| {
            let journal = files.get_mut("journal-01").unwrap();
            journal.truncate(journal.len().saturating_sub(cut));
        });
        let restored: Vec<_> = {
            let bank = open(&disk, 100);
            let mut all: Vec<_> = bank.series().map(|(s, k, m)| (s, k.to_vec(), m.clone())).collect();
            all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            all
        };
        let some_past = (0..=count).any(|upto| {
            let mut past = Bank::in_memory(sections(&[1, 2]), 100);
            (0..upto).for_each(|n| _ = step(&mut past, n));
            let mut all: Vec<_> = past.series().map(|(s, k, m)| (s, k.to_vec(), m.clone())).collect();
            all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            all == restored
        });
        prop_assert!(some_past);
    }
}

/// A record that both sections learn, with new series that push others out; cut at each byte of its write.
#[test]
fn a_cut_write_leaves_all_that_a_record_caused_or_nothing() {
    let all = |bank: &Bank<Digest>| {
        let mut all: Vec<_> = bank.series().map(|(s, k, m)| (s, k.to_vec(), m.clone())).collect();
        all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        (all, bank.evicted())
    };
    let record = |bank: &mut Bank<Digest>, n: u64| {
        for section in [0, 1] {
            bank.observe(section, &SeriesKey::new(&[n as u8]), at(n), Sum).unwrap();
        }
        bank.advance(0, n as i64);
        bank.commit();
    };
    let disk = MemoryStorage::new();
    let mut bank = open(&disk, 4);
    for n in 0..10 {
        let (before, folder) = (all(&bank), disk.crashed());
        record(&mut bank, n);
        let after = all(&bank);
        let len = |disk: &MemoryStorage| disk.with_files(|files| files.get("journal-01").map_or(0, Vec::len));
        for cut in len(&folder)..=len(&disk) {
            let folder = disk.crashed();
            folder.with_files(|files| files.get_mut("journal-01").unwrap().truncate(cut));
            let left = all(&open(&folder, 4));
            assert_eq!(&left, if cut == len(&disk) { &after } else { &before }, "record {n}, byte {cut}");
        }
    }
}

/// Releases before wrote a frame for each entry.
#[test]
fn a_journal_with_a_frame_for_each_entry_is_read_on() {
    let mut expected = Bank::in_memory(sections(&[1, 2]), 100);
    let mut file = Vec::new();
    frame::FrameWriter::preamble(&mut file);
    let mut frames = frame::FrameWriter::default();
    let mut put = |entry: &StateEntry<'_>, file: &mut Vec<u8>| {
        let mut payload = Vec::new();
        entry.put(&mut payload);
        frames.frame(&payload, file);
    };
    let ids = expected.sections.iter().map(|section| section.id.clone()).collect();
    put(&StateEntry::Journal(entry::JournalHead { number: 1, base_len: 0, sections: ids }), &mut file);
    for (id, section) in [(0, 0), (1, 1)] {
        put(&StateEntry::Register { id, section, key: b"k" }, &mut file);
        for n in 0..3 {
            see(&mut expected, section, b"k", at(n));
            put(&StateEntry::Observe { id, observation: at(n) }, &mut file);
        }
    }
    let disk = MemoryStorage::new();
    disk.with_files(|files| files.insert("journal-01".into(), file));
    let mut bank = open(&disk, 100);
    assert_eq!(bank.take_notices(), []);
    for section in [0, 1] {
        let key = SeriesKey::new(b"k");
        assert_eq!(bank.model(section, &key), expected.model(section, &key));
        assert_eq!(see(&mut bank, section, b"k", at(3)), see(&mut expected, section, b"k", at(3)));
    }
}

/// One record a second; what was told with each that told something.
fn told(bank: &mut Bank<Digest>, records: std::ops::Range<u64>) -> Vec<(u64, StateNotice)> {
    let mut told = Vec::new();
    for n in records {
        step(bank, n);
        told.extend(bank.take_notices().into_iter().map(|notice| (n, notice)));
    }
    told
}

#[test]
fn of_two_writers_the_earlier_notices_with_its_first_write() {
    let disk = MemoryStorage::new();
    let mut first = open(&disk, 100);
    told(&mut first, 0..10);
    let mut second = open(&disk, 100);
    told(&mut second, 10..11);
    assert_eq!(told(&mut first, 11..20), [(11, StateNotice::TakenOver)]);
}

#[test]
fn a_folder_that_is_deleted_is_saved_anew_at_once() {
    for first_start in [0, 5000] {
        // with a snapshot and without one
        let disk = MemoryStorage::new();
        told(&mut open(&disk, 100), 0..first_start);
        let mut bank = open(&disk, 100);
        told(&mut bank, first_start..first_start + 50);
        disk.with_files(|files| files.clear());
        let at = first_start + 50;
        assert_eq!(
            told(&mut bank, at..at + 100),
            [(at, StateNotice::FilesLost), (at, StateNotice::SavingAgain)]
        );
        drop(bank);
        let mut bank = open(&disk, 100);
        assert_eq!(bank.take_notices(), []);
        assert_eq!(step(&mut bank, at + 100), expected(at + 101, 100)[at as usize + 100]);
    }
}

#[test]
fn a_folder_that_is_deleted_before_the_first_write_is_saved_anew() {
    let disk = MemoryStorage::new();
    told(&mut open(&disk, 100), 0..5000);
    told(&mut open(&disk, 100), 5000..5001);
    let mut bank = open(&disk, 100);
    disk.with_files(|files| files.clear());
    assert_eq!(
        told(&mut bank, 5001..5010),
        [(5001, StateNotice::FilesLost), (5001, StateNotice::SavingAgain)]
    );
    drop(bank);
    assert_eq!(step(&mut open(&disk, 100), 5010), expected(5011, 100)[5010]);
}

#[test]
fn a_folder_that_is_replaced_is_put_aside_and_saved_anew() {
    let (backup, disk) = (MemoryStorage::new(), MemoryStorage::new());
    told(&mut open(&backup, 100), 0..5000);
    let mut bank = open(&disk, 100);
    told(&mut bank, 0..50);
    let files = backup.with_files(|files| files.clone());
    disk.with_files(|ours| *ours = files.clone());
    let told = told(&mut bank, 50..60);
    assert_eq!(told.first(), Some(&(50, StateNotice::FilesLost)));
    assert_eq!(told.last(), Some(&(50, StateNotice::SavingAgain)));
    assert_eq!(told.len(), files.len() + 2, "{told:?}");
    disk.with_files(|ours| {
        for (name, bytes) in &files {
            let aside = ours.get(&format!("{name}.bad")).map(Vec::as_slice).unwrap_or_default();
            assert!(aside.starts_with(bytes), "{name}"); // and what was written before that was noticed
        }
    });
    drop(bank);
    let mut bank = open(&disk, 100);
    assert_eq!(bank.take_notices(), []);
    assert_eq!(step(&mut bank, 60), expected(61, 100)[60]);
}

/// A second writer in a folder that was deleted under the first: the one that saves last has it, and the other is told.
#[test]
fn two_writers_of_a_deleted_folder_do_not_fight() {
    let disk = MemoryStorage::new();
    let mut first = open(&disk, 100);
    told(&mut first, 0..10);
    disk.with_files(|files| files.clear());
    let mut second = open(&disk, 100);
    told(&mut second, 10..20);
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for n in 20..100 {
        firsts.extend(told(&mut first, n..n + 1));
        seconds.extend(told(&mut second, n..n + 1));
    }
    let last = |told: &[(u64, StateNotice)]| told.last().map(|(_, notice)| notice.clone());
    let mut ends = [last(&firsts), last(&seconds)];
    ends.sort_by_key(|end| *end == Some(StateNotice::TakenOver));
    assert_eq!(
        ends,
        [Some(StateNotice::SavingAgain), Some(StateNotice::TakenOver)],
        "{firsts:?} {seconds:?}"
    );
    assert!(firsts.len() + seconds.len() <= 6, "{firsts:?} {seconds:?}");
}

#[test]
fn while_nothing_is_saved_it_is_told_each_hour_and_counted() {
    let disk = MemoryStorage::new();
    disk.limit(Some(0));
    let mut bank = open(&disk, 100);
    let told = told(&mut bank, 0..8000);
    let at: Vec<u64> = told.iter().map(|(n, _)| *n).collect();
    assert_eq!(at, [0, 3600, 7200]);
    assert_eq!(
        told[1].1.to_string(),
        "still not saved, 3601 model updates so far: state is not saved: create \"snapshot.new\": no space left; \
         scoring goes on in memory, saving is tried again"
    );
    assert_eq!(bank.unsaved(), 8000);
    disk.limit(None);
    assert_eq!(self::told(&mut bank, 8000..8020).last(), Some(&(8000, StateNotice::SavingAgain)));
    assert_eq!(bank.unsaved(), 0);
}

/// A folder that cannot be read while `closed`.
#[derive(Clone)]
struct Closable {
    disk: MemoryStorage,
    closed: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Closable {
    fn new(disk: &MemoryStorage) -> Self {
        Self { disk: disk.clone(), closed: Default::default() }
    }

    fn close(&self, closed: bool) {
        self.closed.store(closed, std::sync::atomic::Ordering::Relaxed);
    }

    fn open(&mut self, what: &'static str, name: &str) -> Result<&mut MemoryStorage, StorageError> {
        if self.closed.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StorageError::new(what, name, "permission denied"));
        }
        Ok(&mut self.disk)
    }
}

impl Storage for Closable {
    fn len(&mut self, name: &str) -> Result<Option<u64>, StorageError> {
        self.open("look at", name)?.len(name)
    }
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        self.open("read", name)?.read_at(name, offset, into)
    }
    fn create(&mut self, name: &str) -> Result<bool, StorageError> {
        self.open("create", name)?.create(name)
    }
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.disk.append(bytes)
    }
    fn sync(&mut self) -> Result<(), StorageError> {
        self.disk.sync()
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.open("rename", from)?.rename(from, to)
    }
    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.open("remove", name)?.remove(name)
    }
}

#[test]
fn a_folder_that_can_be_read_later_gives_its_models_back_and_saving_goes_on() {
    for saved in [0, 50, 9000] {
        let disk = MemoryStorage::new();
        if saved > 0 {
            told(&mut open(&disk, 100), 0..saved);
        }
        let folder = Closable::new(&disk);
        let open = || Bank::open(sections(&[1, 2]), 100, Box::new(folder.clone()), Flush::EachRecord);
        folder.close(true);
        let mut bank = open();
        let first = told(&mut bank, saved..saved + 30);
        let [(_, why)] = &first[..] else { panic!("{first:?}") };
        assert_eq!(
            why.to_string(),
            "state cannot be read: look at \"snapshot\": permission denied; scoring begins anew, in memory only, until it can be read"
        );
        folder.close(false);
        let last = saved + 45;
        let later = told(&mut bank, saved + 30..last);
        let [(at, what)] = &later[..] else { panic!("{later:?}") };
        assert!(*at <= saved + 41, "{later:?}");
        // the record after which it was read, and those before, are of no use where the folder held models
        let mut expected = Bank::in_memory(sections(&[1, 2]), 100);
        let gap = match what {
            StateNotice::SavingAgain => last..last,
            StateNotice::ReadAgain => saved..at + 1,
            other => panic!("{other}"),
        };
        assert_eq!(saved == 0, gap.is_empty());
        (0..last).filter(|n| !gap.contains(n)).for_each(|n| _ = step(&mut expected, n));
        // and it is saved: also what was in memory only
        for n in last..last + 20 {
            assert_eq!(step(&mut bank, n), step(&mut expected, n), "{saved}, {n}");
            drop(bank);
            bank = open();
            assert_eq!(bank.take_notices(), []);
        }
        assert_eq!(bank.unsaved(), 0);
    }
}
