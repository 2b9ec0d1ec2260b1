//! A point allocates nothing: counted by a global allocator of this test's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction};

struct Counting;

thread_local! {
    // of this thread only: the test harness allocates in its own at the same time
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_point_allocates_nothing() {
    for estimator in [ArEstimator::Yule, ArEstimator::Burg] {
        for score in [ScoreFunction::LogLoss, ScoreFunction::Hellinger] {
            for k in [1, 7, 10, 11, 100] {
                let params = Params::new(0.02, k, 10, 5, estimator, score).unwrap();
                let before_new = CALLS.get();
                let mut model = ChangeFinder::new(&params);
                let before = CALLS.get();
                // the counter works, and a model is one block
                assert_eq!(before - before_new, 1);
                let mut sum = 0.0;
                for i in 0..1000 {
                    let x = Finite::new(f64::from(i * 7919 % 101)).unwrap();
                    sum += model.update(&params, x).unwrap().outlier;
                }
                assert_eq!(CALLS.get(), before, "{estimator} {score} {k}");
                assert!(sum.is_finite());
            }
        }
    }
}
