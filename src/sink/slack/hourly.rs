//! Once per cause and hour.

use crate::companion::NoticeCause;
use std::collections::BTreeMap;
use std::time::Duration;

/// A cause stays silent for so long after it was let through.
const SILENCE: Duration = Duration::from_secs(3600);

/// Remembers when each cause was let through last, and how often it was held back since.
#[derive(Debug, Default)]
pub(super) struct Hourly {
    causes: BTreeMap<NoticeCause, (Duration, u64)>,
}

impl Hourly {
    /// `Some` when this one may pass: with the number of those that were held back since the last that did.
    /// `now` is on a clock that never goes back.
    pub(super) fn admit(&mut self, cause: NoticeCause, now: Duration) -> Option<u64> {
        match self.causes.get_mut(&cause) {
            Some((last, held)) if now.saturating_sub(*last) < SILENCE => {
                *held += 1;
                None
            }
            Some(entry) => {
                let (_, held) = core::mem::replace(entry, (now, 0));
                Some(held)
            }
            None => {
                self.causes.insert(cause, (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_passes_once_an_hour_and_tells_what_was_held_back() {
        let (a, b) = (NoticeCause("a"), NoticeCause("b"));
        let mut hourly = Hourly::default();
        let mut at = |cause, seconds| hourly.admit(cause, Duration::from_secs(seconds));
        assert_eq!(at(a, 10), Some(0));
        assert_eq!(at(a, 11), None);
        assert_eq!(at(b, 12), Some(0));
        assert_eq!(at(a, 3609), None);
        assert_eq!(at(a, 3610), Some(2));
        assert_eq!(at(a, 3611), None);
        assert_eq!(at(b, 9000), Some(0));
    }
}
