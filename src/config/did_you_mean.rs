//! "Did you mean": the allowed name that is closest to what was typed.

use crate::monitor::text::edit_distance;

/// The candidate with the fewest changed letters, if they are few enough to be a slip.
///
/// ```
/// assert_eq!(fluent_anomaly::configuration::nearest("querry", ["query", "nulls"]), Some("query"));
/// assert_eq!(fluent_anomaly::configuration::nearest("xyz", ["query", "nulls"]), None);
/// assert_eq!(fluent_anomaly::configuration::nearest("c", ["a", "b"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = |c: char| c.to_ascii_lowercase();
    let given = given.chars().take(64).map(lower);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(given.clone(), candidate.chars().map(lower)), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4 && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}
