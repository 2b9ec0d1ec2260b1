//! A group: members that come and go, intervals that close, and what they say.

use super::budget::GroupAlarms;
use super::judge::Judge;
use super::member::{FILLED, Member, MemberVerdict};
use super::spec::{GroupSpec, GroupTest, PeerTest};
use super::usual::Usual;
use super::window_clock::{WindowClock, WindowMove};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::detector::calibrated::AlarmBudget;

/// Intervals without a value after which a member is forgotten; at least an hour.
const FORGOTTEN: u32 = 60;
/// Most members of a group; fewer where windows are long, so that a saved group stays below [`MOST_SAVED`] bytes.
const MOST_MEMBERS: usize = 100_000;
const MOST_SAVED: usize = 12 << 20;

/// Streaming state of one group.
///
/// A member takes part in a window when each of its intervals has a value: the mean of its records, or for up to five
/// intervals the value before. Members that are new, or silent for longer, are left out; after an hour they are forgotten.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerGroup {
    clock: WindowClock,
    /// By id, which grows with the time of the first sight: a new member mostly comes last.
    members: Vec<Member>,
    /// Closed values, `buckets` of each member, NaN for none; all members are at `cursor`, which is overwritten next.
    values: Vec<f64>,
    cursor: u32,
    /// Members with a value in each interval of the window that closed last.
    compared: u32,
    /// Some member is gone and that is to be told.
    has_gone: bool,
    /// Where the group has a budget of alarms.
    alarms: Option<Box<GroupAlarms>>,
}

impl PeerGroup {
    /// A group without members.
    #[must_use]
    pub fn new(spec: &GroupSpec) -> Self {
        let alarms = matches!(spec.test(), GroupTest::Budget(_)).then(|| Box::new(GroupAlarms::new()));
        Self {
            clock: WindowClock::NEW,
            members: Vec::new(),
            values: Vec::new(),
            cursor: 0,
            compared: 0,
            has_gone: false,
            alarms,
        }
    }

    /// Takes a value of the member `id`, and tells what the windows so far say of it. `None`: its time lies outside of the
    /// open intervals and it was not taken, or there is no room for one more member.
    pub fn update(&mut self, spec: &GroupSpec, id: u32, time_s: i64, x: Finite) -> Option<MemberVerdict> {
        let (place, closed) = self.clock.take(spec, time_s);
        match closed {
            Some(0) => {}
            Some(count) => self.close(spec, count),
            None => self.begin_anew(),
        }
        let at = self.find(spec, id)?;
        let compared = self.compared;
        let member = self.members.get_mut(at)?;
        let WindowMove::Open { is_next } = place else { return None };
        member.add(is_next, x.get());
        let told = member.tell(compared);
        Some(if self.has_gone { MemberVerdict { gone: self.take_gone(id), ..told } } else { told })
    }

    /// A member that is gone, for a record of another one.
    #[cold]
    #[inline(never)] // stack
    fn take_gone(&mut self, teller: u32) -> Option<u32> {
        let member = self.members.iter_mut().find(|member| member.is_gone() && member.id != teller)?;
        member.end();
        let id = member.id;
        self.has_gone = self.members.iter().any(Member::is_gone);
        Some(id)
    }

    /// Members that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether no member is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where a member stands; a new one is added.
    fn find(&mut self, spec: &GroupSpec, id: u32) -> Option<usize> {
        let at = match self.members.last() {
            Some(last) if last.id >= id => match self.members.binary_search_by_key(&id, |member| member.id) {
                Ok(at) => return Some(at),
                Err(at) => at,
            },
            _ => self.members.len(),
        };
        self.add_member(spec, id, at)
    }

    #[cold]
    #[inline(never)] // stack
    fn add_member(&mut self, spec: &GroupSpec, id: u32, at: usize) -> Option<usize> {
        let buckets = spec.buckets() as usize;
        let is_full = self.members.len() >= Self::most_members(spec);
        // an allocation that fails would abort, and a WASM host would lose the record
        if is_full || self.members.try_reserve(1).is_err() || self.values.try_reserve(buckets).is_err() {
            return None;
        }
        if let Some(alarms) = &mut self.alarms {
            alarms.members.try_reserve(1).ok()?;
            alarms.members.insert(at, Usual::NEW);
        }
        self.members.insert(at, Member::new(id));
        let start = at * buckets;
        self.values.splice(start..start, std::iter::repeat_n(f64::NAN, buckets));
        Some(at)
    }

    /// Closes intervals, and compares the members in the window that ends with the last of them.
    #[inline(never)] // stack
    fn close(&mut self, spec: &GroupSpec, count: i64) {
        // after that many, nothing of what was is left
        let most = i64::from(spec.buckets() + FILLED + 2);
        for _ in 0..count.min(most) {
            self.close_one(spec);
            if let GroupTest::Budget(budget) = spec.test() {
                self.judge_by_budget(spec, budget);
            }
        }
        let skipped = u32::try_from(count - count.min(most)).unwrap_or(u32::MAX);
        self.members.iter_mut().for_each(|member| member.absent = member.absent.saturating_add(skipped));
        self.forget(spec);
        if let GroupTest::Fixed(test) = spec.test() {
            self.compare(spec, test);
        }
        self.has_gone = self.members.iter().any(Member::is_gone);
    }

    /// Judges the interval that closed last.
    fn judge_by_budget(&mut self, spec: &GroupSpec, budget: AlarmBudget) {
        let Self { members, values, compared, alarms, .. } = self;
        *compared = values.iter().filter(|value| !value.is_nan()).count() as u32;
        let Some(alarms) = alarms.as_mut().filter(|_| *compared >= spec.least_members()) else {
            members.iter_mut().for_each(|member| member.verdict = None);
            return;
        };
        alarms.judge(spec, budget, values, members);
    }

    fn close_one(&mut self, spec: &GroupSpec) {
        let buckets = spec.buckets();
        let before = (self.cursor + buckets - 1) % buckets;
        for (member, values) in self.members.iter_mut().zip(self.values.chunks_exact_mut(buckets as usize)) {
            let last = values.get(before as usize).copied().unwrap_or(f64::NAN);
            let value = member.close(last);
            if let Some(slot) = values.get_mut(self.cursor as usize) {
                *slot = value;
            }
        }
        self.cursor = (self.cursor + 1) % buckets;
    }

    /// Forgets members that have been silent for long, and whose end was told.
    fn forget(&mut self, spec: &GroupSpec) {
        let most = FORGOTTEN.max(3600 / spec.interval_s());
        let is_kept = |member: &Member| member.absent <= most || member.is_gone();
        if self.members.iter().all(is_kept) {
            return;
        }
        let buckets = spec.buckets() as usize;
        if let Some(alarms) = &mut self.alarms {
            let mut kept = self.members.iter().map(is_kept);
            alarms.members.retain(|_| kept.next().unwrap_or(false));
        }
        let mut kept = self.members.iter().map(is_kept);
        let mut keeps = false;
        let mut at = 0;
        self.values.retain(|_| {
            if at % buckets == 0 {
                keeps = kept.next().unwrap_or(false);
            }
            at += 1;
            keeps
        });
        self.members.retain(is_kept);
    }

    /// Compares the members that have a value in each interval of the window.
    #[inline(never)] // stack
    fn compare(&mut self, spec: &GroupSpec, test: PeerTest) {
        let buckets = spec.buckets() as usize;
        let is_whole = |values: &[f64]| values.iter().all(|value| !value.is_nan());
        let whole = self.values.chunks_exact(buckets).filter(|values| is_whole(values));
        self.compared = whole.count() as u32;
        self.members.iter_mut().for_each(|member| member.verdict = None);
        if self.compared < spec.least_members() {
            return;
        }
        // the same order of the values in a window whatever the cursor: sums then have one order
        let cursor = self.cursor as usize;
        let mut window = Vec::new();
        if window.try_reserve_exact(self.compared as usize * buckets).is_err() {
            return;
        }
        for values in self.values.chunks_exact(buckets).filter(|values| is_whole(values)) {
            let (late, early) = values.split_at(cursor.min(buckets));
            window.extend_from_slice(early);
            window.extend_from_slice(late);
        }
        let mut judge = Judge::default();
        let mut verdicts = judge.judge(test, buckets, &window).iter();
        for (member, values) in self.members.iter_mut().zip(self.values.chunks_exact(buckets)) {
            if is_whole(values) {
                member.verdict = verdicts.next().copied();
            }
        }
    }

    /// Goes on although later records came: the clock was wrong.
    #[cold]
    #[inline(never)] // stack
    fn begin_anew(&mut self) {
        self.values.fill(f64::NAN);
        self.compared = 0;
        for member in &mut self.members {
            member.reopen();
            member.verdict = None;
        }
    }

    fn most_members(spec: &GroupSpec) -> usize {
        MOST_MEMBERS.min(MOST_SAVED / (Member::SAVED + Usual::SAVED + 8 * spec.buckets() as usize))
    }

    /// Bytes of each member, without what names it.
    #[must_use]
    pub fn member_bytes(spec: &GroupSpec) -> usize {
        let usual = if matches!(spec.test(), GroupTest::Budget(_)) { size_of::<Usual>() } else { 0 };
        size_of::<Member>() + 8 * spec.buckets() as usize + usual
    }

    /// Appends the state: a restored group says exactly what this one would.
    pub fn save(&self, w: &mut Writer<'_>) {
        self.clock.save(w);
        w.u32(self.cursor);
        w.u32(self.compared);
        w.varint(self.members.len() as u64);
        self.members.iter().for_each(|member| member.save(w));
        w.f64s(&self.values);
        if let Some(alarms) = &self.alarms {
            alarms.save(w);
        }
    }

    /// The inverse of [`PeerGroup::save`].
    ///
    /// # Errors
    /// When the bytes were not written by `save` under this spec.
    pub fn restore(spec: &GroupSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "group";
        let mut group = Self::new(spec);
        group.clock = WindowClock::restore(r)?;
        group.cursor = r.u32(WHAT)?;
        group.compared = r.u32(WHAT)?;
        let count = r.varint(WHAT)?;
        if group.cursor >= spec.buckets() || count > Self::most_members(spec) as u64 {
            return Err(CodecError::Invalid { what: WHAT });
        }
        for _ in 0..count {
            group.members.push(Member::restore(r)?);
        }
        group.has_gone = group.members.iter().any(Member::is_gone);
        group.values.resize(group.members.len() * spec.buckets() as usize, 0.0);
        r.f64s(&mut group.values, WHAT)?;
        if group.alarms.is_some() {
            group.alarms = Some(Box::new(GroupAlarms::restore(group.members.len(), r)?));
        }
        let in_order = group.members.is_sorted_by(|a, b| a.id < b.id);
        let no_infinity = group.values.iter().all(|value| !value.is_infinite());
        if in_order && no_infinity { Ok(group) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
