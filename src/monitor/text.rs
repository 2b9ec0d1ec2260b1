//! Small text helpers that several error messages share.

/// The candidate nearest to `given` by edit distance, when it is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + given.len() / 4;
    candidates
        .into_iter()
        .filter(|candidate| given.len().abs_diff(candidate.len()) <= limit) // the distance is no less
        .map(|candidate| (distance(given, candidate), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= limit)
        .map(|(_, candidate)| candidate)
}

/// Edit distance over bytes, ASCII case ignored. Texts longer than 64 bytes count as far apart.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    if a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    // Levenshtein's; one row of the table is kept at a time
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            let changed = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            *cell = changed.min(above + 1).min(left + 1);
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// At most `limit` characters of what a user wrote, with an ellipsis where it was cut.
pub(crate) fn shorten(given: &str, limit: usize) -> String {
    let mut text: String = given.chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if given.chars().nth(limit).is_some() {
        text.push('…');
    }
    text
}

/// The start of a text, as long as it may be, between quotation marks.
#[inline(never)] // stack
pub(crate) fn quoted(given: &str, limit: usize) -> String {
    let mut text = shorten(given, limit);
    text.insert(0, '\'');
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_a_different_word_is_not() {
        let words = ["direction", "interval", "seasonality"];
        assert_eq!(nearest("intervall", words), Some("interval"));
        assert_eq!(nearest("sesonalty", words), Some("seasonality"));
        assert_eq!(nearest("colour", words), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("UTC", "utc"), 0);
    }
}
