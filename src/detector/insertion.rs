//! Sorting a few values in a few bytes of code: the standard library's sorts take 3 kB of a module for each type.

/// Sorts by insertion, equal values in their order: for some hundred values, or values that are nearly sorted.
/// `is_greater(a, b)`: a belongs behind b.
pub(crate) fn sort_few<T>(values: &mut [T], is_greater: impl Fn(&T, &T) -> bool) {
    for end in 1..values.len() {
        let mut at = end;
        while at > 0 && values.get(at - 1).zip(values.get(at)).is_some_and(|(a, b)| is_greater(a, b)) {
            values.swap(at - 1, at);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort_few;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_sorted_as_by_the_standard_library(values in proptest::collection::vec((0..9, 0..9), 0..40)) {
            let (mut ours, mut theirs) = (values.clone(), values);
            sort_few(&mut ours, |a, b| a.0 > b.0);
            theirs.sort_by_key(|value| value.0);
            prop_assert_eq!(ours, theirs);
        }
    }
}
