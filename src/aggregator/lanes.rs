//! Scored entries of a chunk: a lane for each shard that scored some of them, read in the order in which they came.
//!
//! Whoever hands them on reads them from where the shards wrote them, so that nobody puts them together. Lanes are used
//! again: memory that a thread gets anew for each chunk costs more than the bytes that are written into it.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of lanes that wait to be used again.
const KEPT_BYTES: usize = 12 << 20;
/// A larger lane is given back to the system.
const LARGEST: usize = 4 << 20;

/// Entries one behind the other.
#[derive(Debug, Default)]
pub(super) struct Lane {
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<u32>,
}

impl Lane {
    /// Adds `[time, record]`.
    pub(super) fn push(&mut self, time_bytes: &[u8], record: &[u8]) {
        self.bytes.push(0x92);
        self.bytes.extend_from_slice(time_bytes);
        self.bytes.extend_from_slice(record);
        // chunks are bounded far below 4 GiB
        self.ends.push(self.bytes.len() as u32);
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all entries.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The entry `n`; `None` where there are not so many.
    fn entry(&self, n: usize) -> Option<&[u8]> {
        let start = n.checked_sub(1).and_then(|n| self.ends.get(n)).copied().unwrap_or(0);
        self.bytes.get(start as usize..*self.ends.get(n)? as usize)
    }

    fn takes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// Lanes that wait to be used again.
#[derive(Debug, Default)]
pub(super) struct SpareLanes(Mutex<Vec<Lane>>);

impl SpareLanes {
    /// An empty one.
    pub(super) fn take(&self) -> Lane {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, lanes: Vec<Lane>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept: usize = spare.iter().map(Lane::takes).sum();
        for mut lane in lanes {
            let takes = lane.takes();
            if takes <= LARGEST && kept + takes <= KEPT_BYTES {
                kept += takes;
                lane.bytes.clear();
                lane.ends.clear();
                spare.push(lane);
            }
        }
    }
}

/// All entries of a chunk.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// For each entry its lane; without places there is one lane.
    places: Option<Arc<Vec<u8>>>,
    spare: Arc<SpareLanes>,
}

impl Lanes {
    /// Entries of one shard alone.
    pub(super) fn one(lane: Lane, spare: &Arc<SpareLanes>) -> Self {
        Self { lanes: vec![lane], places: None, spare: spare.clone() }
    }

    /// Entries of several; `places`: for each of them its lane.
    pub(super) fn several(lanes: Vec<Lane>, places: Arc<Vec<u8>>, spare: &Arc<SpareLanes>) -> Self {
        Self { lanes, places: Some(places), spare: spare.clone() }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        match &self.places {
            Some(places) => places.len(),
            None => self.lanes.first().map_or(0, Lane::len),
        }
    }

    /// Bytes of all entries.
    pub(super) fn bytes(&self) -> usize {
        self.lanes.iter().map(Lane::bytes).sum()
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.spare.give(std::mem::take(&mut self.lanes));
    }
}

/// A place among the entries: how many of each lane stand before it.
#[derive(Debug, Clone)]
pub(super) struct LanePlace {
    at: usize,
    before: Vec<usize>,
}

impl LanePlace {
    /// Before the first entry.
    pub(super) fn first(lanes: &Lanes) -> Self {
        Self { at: 0, before: vec![0; lanes.lanes.len()] }
    }

    /// Goes on to the next entry, and gives the one that is left behind; `None` where there is none.
    pub(super) fn pass<'a>(&mut self, lanes: &'a Lanes) -> Option<&'a [u8]> {
        let lane = self.step(lanes)?;
        let number = self.before.get(lane)?.checked_sub(1)?;
        lanes.lanes.get(lane)?.entry(number)
    }

    /// Goes on to the entry `at`, unless it stands there or behind it.
    pub(super) fn go_to(&mut self, lanes: &Lanes, at: usize) {
        while self.at < at && self.step(lanes).is_some() {}
    }

    fn step(&mut self, lanes: &Lanes) -> Option<usize> {
        let lane = match &lanes.places {
            Some(places) => usize::from(*places.get(self.at)?),
            None => 0,
        };
        *self.before.get_mut(lane)? += 1;
        self.at += 1;
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(records: &[&[u8]]) -> Lane {
        let mut lane = Lane::default();
        records.iter().for_each(|record| lane.push(&[7], record));
        lane
    }

    #[test]
    fn entries_of_several_lanes_are_read_in_the_order_of_their_places() {
        let spare = Arc::new(SpareLanes::default());
        let lanes = Lanes::several(
            vec![lane(&[b"a", b"d"]), lane(&[]), lane(&[b"b", b"c"])],
            Arc::new(vec![0, 2, 2, 0]),
            &spare,
        );
        let mut place = LanePlace::first(&lanes);
        for record in [b"a", b"b", b"c", b"d"] {
            assert_eq!(place.pass(&lanes), Some(&[0x92, 7, record[0]][..]));
        }
        assert_eq!(place.pass(&lanes), None);
        let mut place = LanePlace::first(&lanes);
        place.go_to(&lanes, 3);
        place.go_to(&lanes, 1);
        assert_eq!(place.pass(&lanes), Some(&[0x92, 7, b'd'][..]));
        assert_eq!((lanes.len(), lanes.bytes()), (4, 12));
    }

    #[test]
    fn lanes_are_used_again_and_large_ones_given_back() {
        let spare = Arc::new(SpareLanes::default());
        let large = vec![0; LARGEST];
        drop(Lanes::one(lane(&[b"small"]), &spare));
        drop(Lanes::one(lane(&[&large]), &spare));
        let again = spare.take();
        assert!(again.bytes.capacity() > 0 && again.len() == 0 && again.bytes() == 0);
        assert_eq!(spare.take().bytes.capacity(), 0);
        let most = KEPT_BYTES / (1 << 20) + 5;
        (0..most).for_each(|_| drop(Lanes::one(lane(&[&large[..1 << 20]]), &spare)));
        let kept: usize = spare.0.lock().unwrap().iter().map(Lane::takes).sum();
        assert!(kept <= KEPT_BYTES, "{kept}");
    }
}
