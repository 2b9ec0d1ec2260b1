//! Sorting by value, and medians.

use crate::detector::heap_sort;

/// Sorts in ascending order. No value is NaN.
pub(super) fn sort(values: &mut [f64]) {
    heap_sort(values, |a, b| a < b);
}

/// Sorts the numbers of values by the value that each one stands for. No value is NaN.
pub(super) fn sort_indices(indices: &mut [u32], values: &[f64]) {
    let value = |&index: &u32| values.get(index as usize).copied().unwrap_or(0.0);
    heap_sort(indices, |a, b| value(a) < value(b));
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
