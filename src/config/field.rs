//! A field of the records, as keys name it.

use super::problem::not_allowed;
use crate::record::{Accessor, hint_for_dots};

/// Whether a text begins and ends with the same one of these marks.
pub(super) fn is_between(text: &str, marks: &[char]) -> bool {
    text.len() > 1 && marks.iter().any(|&mark| text.starts_with(mark) && text.ends_with(mark))
}

/// A field of the records. `$a.b` is refused, as it means `b` inside of `a` to some and the key `a.b` to others.
///
/// # Errors
/// What is wrong, and the form that works.
pub fn accessor(text: &str) -> Result<Accessor, String> {
    if is_between(text, &['"', '\'']) {
        return Err(not_allowed(text, "fields stand without quotes, as in `$host` or `$['any key']`"));
    }
    let accessor = Accessor::parse(text).map_err(|error| match hint_for_dots(text) {
        Some(form) => not_allowed(text, &form),
        None => error.to_string(),
    })?;
    match hint_for_dots(text) {
        Some(form) => Err(not_allowed(text, &form)),
        None => Ok(accessor),
    }
}
