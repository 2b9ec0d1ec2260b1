//! `{{{{raw}}}} .. {{{{/raw}}}}`: text in which braces are only braces, also under a condition:
//! `{{{{is_match "host.name" "db"}}}} .. {{{{/is_match}}}}`.

use super::Facts;
use super::conditions::holds;

/// A text with a raw block, in its parts.
pub(super) struct RawBlock<'a> {
    /// Text before it, which holds no tag.
    pub(super) before: &'a str,
    /// What is written: the inner text as it stands, or nothing.
    pub(super) text: &'a str,
    /// Text behind it.
    pub(super) after: &'a str,
}

/// The raw block with which a text begins, but for text without tags.
#[inline(never)] // stack
pub(super) fn raw_block<'a>(text: &'a str, facts: &Facts<'_>) -> Option<RawBlock<'a>> {
    let (before, rest) = text.split_once("{{")?;
    let (head, rest) = rest.strip_prefix("{{")?.split_once("}}}}")?;
    let name = head.trim().split(char::is_whitespace).next()?;
    let is_written = name == "raw" || holds(head.trim(), facts)?;
    let mut seen = 0;
    while let Some((inner, behind)) = rest.get(seen..)?.split_once("{{{{/") {
        let end = seen + inner.len();
        if let Some((closed, after)) = behind.split_once("}}}}")
            && closed.trim() == name
        {
            return Some(RawBlock { before, text: rest.get(..if is_written { end } else { 0 })?, after });
        }
        seen = rest.len() - behind.len();
    }
    None
}
