//! A crash at any byte, a full disk, and files that cannot be read.

use super::InputLog;
use crate::aggregator::known::ChunkKey;
use crate::aggregator::saved_models::MODELS;
use crate::bank::{MemoryStorage, StorageError};
use crate::source::forward::IncomingChunk;
use crate::time::Time;

fn chunk(n: u8) -> IncomingChunk {
    IncomingChunk::from_entries(format!("tag.{n}"), vec![0x92, n, 0x81, 0xa1, b'n', n])
}

struct Opened {
    log: InputLog,
    told: Vec<String>,
    models: Vec<Vec<u8>>,
    known: Vec<ChunkKey>,
    /// Number, tag, and whether it has arrived.
    replayed: Vec<(u64, String, bool)>,
}

fn open(storage: &MemoryStorage) -> Opened {
    let (mut models, mut known, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
    let (log, told) = InputLog::open(
        Box::new(storage.clone()),
        &mut |recovered| {
            (models, known) = (recovered.models.clone(), recovered.known.clone());
            Ok(())
        },
        &mut |logged| replayed.push((logged.number, logged.chunk.tag, logged.has_arrived)),
    )
    .unwrap();
    Opened { log, told, models, known, replayed }
}

fn append(log: &mut InputLog, n: u8, arrived: u64) -> Result<(), StorageError> {
    let key = Some(ChunkKey(u128::from(n) + 1));
    log.append([(key, Time::from_seconds(9), &chunk(n))].into_iter(), arrived)
}

fn numbers(opened: &Opened) -> Vec<u64> {
    opened.replayed.iter().map(|(number, ..)| *number).collect()
}

#[test]
fn chunks_come_back_in_their_order_and_know_what_has_arrived() {
    let storage = MemoryStorage::new();
    let mut first = open(&storage);
    (0..3).for_each(|n| append(&mut first.log, n, 0).unwrap());
    append(&mut first.log, 3, 2).unwrap();
    let mut second = open(&storage.crashed());
    let wanted = [(1, "tag.0", true), (2, "tag.1", true), (3, "tag.2", false), (4, "tag.3", false)];
    assert_eq!(second.replayed, wanted.map(|(number, tag, arrived)| (number, tag.to_owned(), arrived)));
    assert_eq!(second.log.next(), 5);
    append(&mut second.log, 4, 4).unwrap();
}

#[test]
fn a_log_that_is_cut_anywhere_counts_up_to_its_last_whole_chunk() {
    let storage = MemoryStorage::new();
    let mut first = open(&storage);
    let mut ends = Vec::new();
    let len = |storage: &MemoryStorage| storage.with_files(|files| files["log-01"].len());
    ends.push(len(&storage));
    for n in 0..4 {
        append(&mut first.log, n, 0).unwrap();
        ends.push(len(&storage));
    }
    for cut in 0..=ends[4] {
        let copy = storage.crashed();
        copy.with_files(|files| files.get_mut("log-01").unwrap().truncate(cut));
        let mut opened = open(&copy);
        let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1) as u64;
        assert_eq!(numbers(&opened), (1..=whole).collect::<Vec<_>>(), "cut at {cut}");
        // what comes next is read behind it
        append(&mut opened.log, 9, 0).unwrap();
        assert_eq!(numbers(&open(&copy.crashed())), (1..=whole + 1).collect::<Vec<_>>(), "cut at {cut}");
    }
}

#[test]
fn a_snapshot_replaces_the_logs() {
    let storage = MemoryStorage::new();
    let mut first = open(&storage);
    (0..3).for_each(|n| append(&mut first.log, n, 0).unwrap());
    let known = [ChunkKey(1), ChunkKey(2)];
    first.log.snapshot(&[b"one".to_vec(), vec![7; 3 << 20]], &known, 4).unwrap();
    append(&mut first.log, 3, 3).unwrap();
    let second = open(&storage.crashed());
    assert_eq!((second.models.len(), second.models[1].len()), (2, 3 << 20));
    assert_eq!(second.known, known);
    assert_eq!(second.replayed, [(4, "tag.3".to_owned(), false)]);
    assert!(second.told.is_empty(), "{:?}", second.told);
}

#[test]
fn a_full_disk_is_an_error_and_a_snapshot_makes_up_for_it() {
    let storage = MemoryStorage::new();
    let mut first = open(&storage);
    append(&mut first.log, 0, 0).unwrap();
    storage.limit(Some(20));
    assert!(append(&mut first.log, 1, 0).is_err());
    assert!(first.log.snapshot(&[vec![1; 100]], &[], 3).is_err());
    // as a crash now would leave it
    assert_eq!(
        numbers(&open(&{
            let copy = storage.crashed();
            copy.limit(None);
            copy
        })),
        [1]
    );
    storage.limit(None);
    first.log.snapshot(&[vec![1; 100]], &[], 3).unwrap();
    append(&mut first.log, 2, 0).unwrap();
    let second = open(&storage.crashed());
    assert_eq!((second.models[0].len(), numbers(&second)), (100, vec![3]));
}

#[test]
fn models_that_cannot_be_read_are_set_aside() {
    let storage = MemoryStorage::new();
    let mut first = open(&storage);
    first.log.snapshot(&[b"models".to_vec()], &[ChunkKey(5)], 1).unwrap();
    for at in 0..storage.with_files(|files| files[MODELS].len()) {
        let copy = storage.crashed();
        copy.with_files(|files| files.get_mut(MODELS).unwrap()[at] ^= 0x40);
        let opened = open(&copy);
        assert!(opened.told[0].contains("set aside as models.bad"), "{at}: {:?}", opened.told);
        assert!(opened.models.is_empty() && opened.known.is_empty());
    }
}
