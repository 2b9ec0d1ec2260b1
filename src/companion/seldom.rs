//! Lines that come often are said seldom.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same line is not said again within this time.
const QUIET: Duration = Duration::from_secs(30);
/// So many different lines are remembered.
const REMEMBERED: usize = 256;

/// Keeps lines back that were said a short time ago; shared between threads.
///
/// ```
/// let seldom = fluent_anomaly::native::Seldom::default();
/// assert_eq!(seldom.is_due("the broker is away"), Some(0));
/// assert_eq!(seldom.is_due("the broker is away"), None);
/// assert_eq!(seldom.is_due("the broker is back"), Some(0));
/// ```
#[derive(Debug, Default)]
pub struct Seldom {
    /// When each was said, and how often it was kept back since then.
    said: Mutex<BTreeMap<String, (Instant, u64)>>,
}

impl Seldom {
    /// Whether the line with this key is to be said: how often it was kept back since it was said last.
    pub fn is_due(&self, key: &str) -> Option<u64> {
        self.is_due_at(key, Instant::now())
    }

    fn is_due_at(&self, key: &str, now: Instant) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, kept_back)) = said.get_mut(key) {
            if now.duration_since(*at) < QUIET {
                *kept_back += 1;
                return None;
            }
            *at = now;
            return Some(std::mem::take(kept_back));
        }
        if said.len() >= REMEMBERED {
            said.clear();
        }
        said.insert(key.to_owned(), (now, 0));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_again_after_a_while_with_how_often_it_was_kept_back() {
        let seldom = Seldom::default();
        let start = Instant::now();
        assert_eq!(seldom.is_due_at("a", start), Some(0));
        for second in 1..30 {
            assert_eq!(seldom.is_due_at("a", start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.is_due_at("b", start), Some(0));
        assert_eq!(seldom.is_due_at("a", start + QUIET), Some(29));
        assert_eq!(seldom.is_due_at("a", start + QUIET), None);
    }

    #[test]
    fn lines_without_end_take_no_memory_without_end() {
        let seldom = Seldom::default();
        for n in 0..10_000 {
            assert_eq!(seldom.is_due(&n.to_string()), Some(0));
        }
        assert!(seldom.said.lock().unwrap().len() <= REMEMBERED);
    }
}
