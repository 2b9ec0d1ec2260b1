//! Text that must never be shown: API keys, shared keys, passwords.

use core::fmt;

/// What stands in the place of a secret wherever one would be printed.
pub(crate) const REDACTED: &str = "***";

/// A secret: its `Debug` is redacted and it has no `Display`, so no log line and no error can carry it by accident.
///
/// ```
/// use fluent_anomaly::Secret;
/// let key = Secret::new("0123456789abcdef");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "0123456789abcdef");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`; blanks around it (a key file ends in a line break) are cut.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` with every occurrence of this secret replaced: answers of servers may echo what they were sent.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        // a secret of a few characters would shred ordinary words, and hides nothing anyway
        if self.0.len() < 4 { text.to_owned() } else { text.replace(&self.0, REDACTED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({REDACTED})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_anything_that_holds_a_secret_is_redacted() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only printed")]
        struct Settings {
            key: Option<Secret>,
        }
        let text = format!("{:?}", Settings { key: Some(Secret::new("abcdef\n")) });
        assert!(!text.contains("abcdef"), "{text}");
    }

    #[test]
    fn an_echoed_secret_is_scrubbed() {
        assert_eq!(Secret::new("abcdef").scrub("key=abcdef&x=abcdef!"), "key=***&x=***!");
        assert_eq!(Secret::default().scrub("nothing"), "nothing");
    }
}
