//! Sorting and medians without recursion: hosts give a WASM module a stack of a few kilobytes, and the standard
//! library's sort takes a frame of several hundred bytes for each of its levels.

/// Sorts by heap: n log n comparisons, no memory. No value is NaN.
pub(super) fn sort(values: &mut [f64]) {
    sort_by(values, |&value| value);
}

/// Sorts the numbers of values by the value that each one stands for. No value is NaN.
pub(super) fn sort_indices(indices: &mut [u32], values: &[f64]) {
    sort_by(indices, |&index| values.get(index as usize).copied().unwrap_or(0.0));
}

fn sort_by<T>(items: &mut [T], key: impl Fn(&T) -> f64) {
    for start in (0..items.len() / 2).rev() {
        sift(items, start, &key);
    }
    let mut rest = items;
    while let [_, .., _] = rest {
        let last = rest.len() - 1;
        rest.swap(0, last);
        let Some((_, smaller)) = rest.split_last_mut() else { return };
        rest = smaller;
        sift(rest, 0, &key);
    }
}

/// Lets the item at `at` sink until none below it is larger.
fn sift<T>(heap: &mut [T], mut at: usize, key: &impl Fn(&T) -> f64) {
    loop {
        let left = 2 * at + 1;
        let Some(mut largest) = heap.get(left).map(key) else { return };
        let mut child = left;
        if let Some(right) = heap.get(left + 1).map(key)
            && right > largest
        {
            (child, largest) = (left + 1, right);
        }
        if heap.get(at).is_none_or(|item| key(item) >= largest) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

/// The median of sorted values, the mean of the middle two of an even number; 0 of none.
pub(super) fn median_of_sorted(values: &[f64]) -> f64 {
    let upper = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(upper) } else { 0.5 * (at(upper.saturating_sub(1)) + at(upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_sorted_as_the_standard_library_sorts_them(
            mut values in proptest::collection::vec(-9i32..9, 0..70)
        ) {
            let mut sorted: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
            sort(&mut sorted);
            values.sort_unstable();
            prop_assert_eq!(sorted, values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>());
        }

        #[test]
        fn indices_are_sorted_by_their_values(values in proptest::collection::vec(-1e9f64..1e9, 0..70)) {
            let mut indices: Vec<u32> = (0..values.len() as u32).collect();
            sort_indices(&mut indices, &values);
            prop_assert!(indices.windows(2).all(|two| values[two[0] as usize] <= values[two[1] as usize]));
            indices.sort_unstable();
            prop_assert!(indices.into_iter().eq(0..values.len() as u32));
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        for (values, median) in [(&[][..], 0.0), (&[3.0], 3.0), (&[1.0, 3.0], 2.0), (&[1.0, 2.0, 9.0], 2.0)] {
            assert_eq!(median_of_sorted(values), median);
        }
    }
}
