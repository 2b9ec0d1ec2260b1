//! Files that were cut, changed or removed while no bank had them open.

use super::seal::seal;
use super::*;
use crate::bank::position::journal_name;

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

/// Journals that a compaction did not get to stand where the next ones go, and one of them is damaged.
#[test]
fn leftovers_behind_the_snapshot_are_cleared_by_the_first_start() {
    let (old, disk) = (MemoryStorage::new(), MemoryStorage::new());
    for start in 0..3 {
        step(&mut open(&old, 100), start);
    }
    for start in 0..MANY_STARTS {
        step(&mut open(&disk, 100), start);
    }
    let old = old.with_files(|files| files.clone());
    let next = disk.with_files(|files| {
        let first = files.keys().find(|name| name.starts_with("journal-")).unwrap();
        let next: u64 = first["journal-".len()..].parse().unwrap();
        files.retain(|name, _| name == "snapshot");
        for (n, bytes) in (next..).zip(old.values()) {
            files.insert(journal_name(n), bytes.clone());
        }
        files.get_mut(&journal_name(next + 1)).unwrap()[2] ^= 1;
        next
    });
    let mut bank = open(&disk, 100);
    let told = bank.take_notices();
    let of_damaged = |notice: &StateNotice| matches!(notice, StateNotice::SetAside { file, .. } if *file == journal_name(next + 1));
    assert!(told.len() == 1 && of_damaged(&told[0]), "{told:?}");
    see(&mut bank, 0, b"goes on", at(1)).unwrap();
    drop(bank);
    assert_eq!(open(&disk, 100).take_notices(), []);
}
