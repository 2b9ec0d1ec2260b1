//! "Did you mean": the allowed name that is closest to what was typed.

use crate::monitor::text;

/// The candidate with the fewest changed letters, if they are few enough to be a slip.
///
/// ```
/// assert_eq!(fluent_anomaly::configuration::nearest("querry", ["query", "nulls"]), Some("query"));
/// assert_eq!(fluent_anomaly::configuration::nearest("xyz", ["query", "nulls"]), None);
/// assert_eq!(fluent_anomaly::configuration::nearest("c", ["a", "b"]), None);
/// assert_eq!(fluent_anomaly::configuration::nearest("yb", ["on", "by"]), Some("by"));
/// ```
#[must_use]
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = candidates.into_iter().filter_map(|candidate| Some((slip(given, candidate)?, candidate)));
    slips.min_by_key(|&(distance, _)| distance).map(|(_, candidate)| candidate)
}

/// All candidates that are as close as the closest one: `T` is one letter away from `T1` and from `T2`.
pub(super) fn nearest_ones<'a>(given: &str, candidates: &[&'a str]) -> Vec<&'a str> {
    let mut near = Vec::new();
    let mut least = usize::MAX;
    for &candidate in candidates {
        let Some(distance) = slip(given, candidate).filter(|&distance| distance <= least) else { continue };
        if distance < least {
            near.clear();
            least = distance;
        }
        near.push(candidate);
    }
    // `renotify` of `renotify_interval`, `interval_s` of `interval`
    if near.is_empty() && given.len() >= 3 {
        let is_part =
            |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'));
        near.extend(candidates.iter().copied().filter(|key| is_part(key, given) || is_part(given, key)));
    }
    near
}

/// Whether two neighbours changed places, which is one slip.
fn is_swapped(given: &[u8], candidate: &[u8]) -> bool {
    let same = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
    let at = given.iter().zip(candidate).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    match (given.get(at..), candidate.get(at..)) {
        (Some([a, b, given @ ..]), Some([c, d, candidate @ ..])) => {
            same(&[*a, *b], &[*d, *c]) && same(given, candidate)
        }
        _ => false,
    }
}

/// How many letters were changed, where those are few enough.
fn slip(given: &str, candidate: &str) -> Option<usize> {
    let distance = match is_swapped(given.as_bytes(), candidate.as_bytes()) {
        true => 1,
        false => text::distance(given, candidate),
    };
    // a name of one letter with another one behind it is still a slip
    let has_one_more = distance == 1 && given.len() > candidate.len();
    let is_few = distance <= 1 + candidate.len() / 4 && distance < candidate.len();
    (is_few || has_one_more).then_some(distance)
}
