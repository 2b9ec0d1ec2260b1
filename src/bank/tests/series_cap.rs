//! The cap on series, and which one is forgotten.

use super::*;

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
