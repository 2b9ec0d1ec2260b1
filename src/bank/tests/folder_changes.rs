//! A second bank in the folder, and a folder that is deleted or replaced under a bank.

use super::*;

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
