//! Which tags a section watches.

use std::fmt;

use super::field::is_between;
use super::problem::not_allowed;

/// Fluent tag patterns: several of them separated by white space, each with `*` for any run of characters, dots
/// included, as in Fluent Bit's `match` (Fluentd's `**` means the same then).
///
/// ```
/// use fluent_anomaly::configuration::TagPattern;
/// let tags = TagPattern::new("app.* cpu");
/// assert!(tags.matches(b"app.web.1") && tags.matches(b"cpu") && !tags.matches(b"cpu.0"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern {
    patterns: Vec<String>,
}

impl TagPattern {
    /// From the text of `match:`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut patterns: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let mut pattern = String::with_capacity(word.len());
            for c in word.chars() {
                if c != '*' || !pattern.ends_with('*') {
                    pattern.push(c);
                }
            }
            patterns.push(pattern);
        }
        Self { patterns }
    }

    /// A pattern that matches this very tag.
    #[must_use]
    pub fn exactly(tag: &str) -> Self {
        Self { patterns: vec![tag.to_owned()] }
    }

    /// Whether one of the patterns matches the whole tag. Linear in the tag for each `*`.
    #[must_use]
    pub fn matches(&self, tag: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern.as_bytes(), tag))
    }

    /// Whether some tag is matched by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.patterns.iter().any(|a| other.patterns.iter().any(|b| overlap(a.as_bytes(), b.as_bytes())))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.patterns.join(" "))
    }
}

/// The patterns of `match:`. A comma is no part of a tag that anyone uses: it is meant to separate.
pub(super) fn tag_patterns(key: &str, text: &str) -> Result<TagPattern, String> {
    let words: Vec<&str> = text.split([',', ' ', '\t']).filter(|word| !word.is_empty()).collect();
    let (allowed, example) = if text.is_empty() {
        ("tags with `*`", "app.*")
    } else if text.contains(',') {
        ("patterns are separated by blanks", &words.join(" ")[..])
    } else if is_between(text, &['"', '\'']) {
        ("patterns stand without quotes", "app.*")
    } else if is_between(text, &['/']) {
        ("no regular expression but tags with `*`", "app.*")
    } else {
        return Ok(TagPattern::new(text));
    };
    Err(not_allowed(text, &format!("{allowed}, as in `{key}: {example}`")))
}

fn matches(pattern: &[u8], tag: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // where to go on when the text behind the last `*` did not fit
    let mut retry: Option<(usize, usize)> = None;
    while t < tag.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == Some(&tag[t]) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = retry {
            retry = Some((after, from + 1));
            p = after;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// Whether the two patterns have a common text: reachability over pairs of positions.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    let width = b.len() + 1;
    let mut reached = vec![false; (a.len() + 1) * width];
    reached[0] = true;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if !reached[i * width + j] {
                continue;
            }
            let (ca, cb) = (a.get(i), b.get(j));
            if ca == Some(&b'*') {
                reached[(i + 1) * width + j] = true;
                if cb.is_some() {
                    reached[i * width + j + 1] = true;
                }
            }
            if cb == Some(&b'*') {
                reached[i * width + j + 1] = true;
                if ca.is_some() {
                    reached[(i + 1) * width + j] = true;
                }
            }
            if ca.is_some() && ca == cb {
                reached[(i + 1) * width + j + 1] = true;
            }
        }
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::TagPattern;
    use proptest::prelude::*;

    #[test]
    fn a_star_takes_any_run_of_characters() {
        for (pattern, tag, expected) in [
            ("*", "", true),
            ("*", "a.b", true),
            ("app.*", "app.", true),
            ("app.*", "app", false),
            ("*.cpu", "a.b.cpu", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("changefinder.**", "changefinder.cpu", true),
            ("", "a", false),
            ("x y", "y", true),
        ] {
            assert_eq!(TagPattern::new(pattern).matches(tag.as_bytes()), expected, "{pattern} {tag}");
        }
    }

    #[test]
    fn patterns_with_a_common_tag_overlap() {
        for (a, b, expected) in [
            ("app.*", "*.web", true),
            ("app.*", "db.*", false),
            ("a*", "*b", true),
            ("changefinder.cpu", "changefinder.*", true),
            ("x", "y x", true),
            ("a*b", "a", false),
        ] {
            assert_eq!(TagPattern::new(a).overlaps(&TagPattern::new(b)), expected, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_that_both_match_shows_the_overlap(a in "[ab*]{0,6}", b in "[ab*]{0,6}", tag in "[ab]{0,6}") {
            let (a, b) = (TagPattern::new(&a), TagPattern::new(&b));
            if a.matches(tag.as_bytes()) && b.matches(tag.as_bytes()) {
                prop_assert!(a.overlaps(&b));
            }
        }
    }
}
