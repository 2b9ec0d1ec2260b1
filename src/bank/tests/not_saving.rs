//! A folder that cannot be written or read for a while.

use super::*;

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
