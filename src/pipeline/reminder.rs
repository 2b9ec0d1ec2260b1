//! When a user is told again of something that goes on.

#[cfg(feature = "companion")]
use crate::codec::{CodecError, Reader, Writer};
use crate::time::Time;

/// Time between two messages of the same kind, s.
const EVERY_S: i64 = 3600;

/// Counts what happens, and says when to tell: at first, then each hour; without a clock at each power of ten.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reminder {
    count: u64,
    told: Option<Time>,
}

impl Reminder {
    /// Counts once more. The count so far, where it is to be told.
    pub(super) fn count(&mut self, now: Option<Time>) -> Option<u64> {
        self.count += 1;
        let is_due = match (now, self.told) {
            (_, None) => true,
            (Some(now), Some(told)) => now.seconds().abs_diff(told.seconds()) >= EVERY_S.unsigned_abs(),
            (None, Some(_)) => is_power_of_ten(self.count),
        };
        if is_due {
            self.told = Some(now.unwrap_or_default());
        }
        is_due.then_some(self.count)
    }

    #[cfg(feature = "companion")]
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.count);
        w.u8(u8::from(self.told.is_some()));
        w.i64(self.told.unwrap_or_default().nanos());
    }

    #[cfg(feature = "companion")]
    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "reminder";
        let count = r.varint(WHAT)?;
        let has_told = r.u8(WHAT)? != 0;
        let told = Time::from_nanos(r.i64(WHAT)?);
        Ok(Self { count, told: has_told.then_some(told) })
    }
}

pub(super) fn is_power_of_ten(mut n: u64) -> bool {
    while n.is_multiple_of(10) && n > 0 {
        n /= 10;
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_clock_it_tells_at_once_and_each_hour() {
        let mut reminder = Reminder::default();
        let told: Vec<_> =
            (0..=7200).step_by(600).filter_map(|s| reminder.count(Some(Time::from_seconds(s)))).collect();
        assert_eq!(told, [1, 7, 13]);
    }

    #[test]
    fn without_a_clock_it_tells_at_powers_of_ten() {
        let mut reminder = Reminder::default();
        let told: Vec<_> = (0..2000).filter_map(|_| reminder.count(None)).collect();
        assert_eq!(told, [1, 10, 100, 1000]);
    }
}
