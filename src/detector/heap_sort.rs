//! Sorting in a small stack frame: hosts give a WASM module a stack of a few kilobytes, and the standard library's sort
//! takes a frame of several hundred bytes for each of its levels, and 3 kB of the module for each type.

/// Sorts by heap: n log n comparisons, no memory, no recursion. Equal values end in any order, the same each time.
pub(crate) fn heap_sort<T>(items: &mut [T], is_less: impl Fn(&T, &T) -> bool) {
    for start in (0..items.len() / 2).rev() {
        sift(items, start, &is_less);
    }
    let mut rest = items;
    while let [_, .., _] = rest {
        let last = rest.len() - 1;
        rest.swap(0, last);
        let Some((_, smaller)) = rest.split_last_mut() else { return };
        rest = smaller;
        sift(rest, 0, &is_less);
    }
}

/// Sorts numbers by [`f64::total_cmp`].
pub(crate) fn sort_numbers(values: &mut [f64]) {
    heap_sort(values, |a, b| a.total_cmp(b).is_lt());
}

/// Sorts points by their times, s; those of one time stay in their order.
pub(crate) fn sort_points(points: &mut Vec<(i64, f64)>) {
    if points.is_sorted_by_key(|&(time, _)| time) {
        return;
    }
    let numbered = points.iter().enumerate().map(|(n, &(time, value))| (time, n, value));
    let mut numbered: Vec<(i64, usize, f64)> = numbered.collect();
    heap_sort(&mut numbered, |a, b| (a.0, a.1) < (b.0, b.1));
    points.clear();
    points.extend(numbered.into_iter().map(|(time, _, value)| (time, value)));
}

/// Lets the item at `at` sink until none below it is larger.
fn sift<T>(heap: &mut [T], mut at: usize, is_less: &impl Fn(&T, &T) -> bool) {
    loop {
        let left = 2 * at + 1;
        let Some(mut largest) = heap.get(left) else { return };
        let mut child = left;
        if let Some(right) = heap.get(left + 1)
            && is_less(largest, right)
        {
            (child, largest) = (left + 1, right);
        }
        if heap.get(at).is_none_or(|item| !is_less(item, largest)) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

#[cfg(test)]
mod tests {
    use super::{heap_sort, sort_points};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_as_by_the_standard_library(
            mut ours in proptest::collection::vec((".{0,3}", 0..9), 0..70)
        ) {
            let mut theirs = ours.clone();
            heap_sort(&mut ours, |a, b| a < b);
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn points_of_one_time_stay_in_their_order(times in proptest::collection::vec(-9i64..9, 0..70)) {
            let mut ours: Vec<(i64, f64)> = times.iter().copied().zip((0..70).map(f64::from)).collect();
            let mut theirs = ours.clone();
            sort_points(&mut ours);
            theirs.sort_by_key(|&(time, _)| time);
            prop_assert_eq!(ours, theirs);
        }
    }
}
