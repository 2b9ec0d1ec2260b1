//! One member of a group.

use super::common::PeerVerdict;
use crate::codec::{CodecError, Reader, Writer};

/// Intervals for which a member without records keeps its last value: members may report every few minutes.
pub(super) const FILLED: u32 = 5;

/// What a record of a member is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberVerdict {
    /// What the window that closed last says of the member; `None` where it was not compared: the group is too small, or
    /// the member is new.
    pub verdict: Option<PeerVerdict>,
    /// Members that were compared in that window, or would have been.
    pub members: u32,
    /// This is the member's first record since it became an outlier, or since it is none any more.
    pub has_changed: bool,
    /// Another member, which was an outlier when it fell silent and has left the group since; each is told once.
    pub gone: Option<u32>,
}

/// Sum and number of the values of one open interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct OpenInterval {
    sum: f64,
    count: u32,
}

/// A member's state besides its closed values; the group holds those.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) id: u32,
    /// Closed intervals since its last value, saturating.
    pub(super) absent: u32,
    /// The older open interval and the next one.
    open: [OpenInterval; 2],
    pub(super) verdict: Option<PeerVerdict>,
    /// As its last record was told.
    was_outlier: bool,
}

impl Member {
    pub(super) fn new(id: u32) -> Self {
        let open = [OpenInterval::default(); 2];
        Self { id, absent: 0, open, verdict: None, was_outlier: false }
    }

    pub(super) fn add(&mut self, is_next: bool, value: f64) {
        let [older, next] = &mut self.open;
        let open = if is_next { next } else { older };
        open.sum += value;
        open.count = open.count.saturating_add(1);
    }

    /// Closes the older interval: its mean, or the last value for as long as that counts, or NaN.
    pub(super) fn close(&mut self, last: f64) -> f64 {
        let [older, next] = &mut self.open;
        let OpenInterval { sum, count } = std::mem::replace(older, *next);
        *next = OpenInterval::default();
        if count > 0 {
            self.absent = 0;
            return sum / f64::from(count);
        }
        self.absent = self.absent.saturating_add(1);
        if self.absent <= FILLED { last } else { f64::NAN }
    }

    /// Forgets the open intervals.
    pub(super) fn reopen(&mut self) {
        self.open = Default::default();
    }

    /// The verdict for a record, and whether it is news.
    pub(super) fn tell(&mut self, members: u32) -> MemberVerdict {
        let is_outlier = self.verdict.map_or(self.was_outlier, |verdict| verdict.is_outlier);
        let has_changed = is_outlier != self.was_outlier;
        self.was_outlier = is_outlier;
        MemberVerdict { verdict: self.verdict, members, has_changed, gone: None }
    }

    /// It was an outlier when it fell silent, has left the group, and nobody was told.
    pub(super) fn is_gone(&self) -> bool {
        self.was_outlier && self.absent > FILLED
    }

    /// Its end was told.
    pub(super) fn end(&mut self) {
        self.was_outlier = false;
    }

    /// Bytes of a saved member besides its values.
    pub(super) const SAVED: usize = 4 + 4 + 2 * 12 + 1 + 8;

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u32(self.id);
        w.u32(self.absent);
        for open in self.open {
            w.f64(open.sum);
            w.u32(open.count);
        }
        let verdict = self.verdict.unwrap_or(PeerVerdict { is_outlier: false, distance: 0.0 });
        let bits = [self.verdict.is_some(), verdict.is_outlier, self.was_outlier];
        w.u8(bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
        w.f64(verdict.distance);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "member of a group";
        let mut member = Self::new(r.u32(WHAT)?);
        member.absent = r.u32(WHAT)?;
        for open in &mut member.open {
            *open = OpenInterval { sum: r.f64(WHAT)?, count: r.u32(WHAT)? };
        }
        let byte = r.u8(WHAT)?;
        let bit = |n: u8| byte >> n & 1 == 1;
        let distance = r.f64(WHAT)?;
        let sums_are_sound = member.open.iter().all(|open| open.sum.is_finite());
        if byte >= 8 || !sums_are_sound || !(distance >= 0.0 && distance.is_finite()) {
            return Err(CodecError::Invalid { what: WHAT });
        }
        member.verdict = bit(0).then_some(PeerVerdict { is_outlier: bit(1), distance });
        member.was_outlier = bit(2);
        Ok(member)
    }
}
