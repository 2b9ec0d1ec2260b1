//! What a restart keeps, and with which configuration and release.

use super::*;

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
