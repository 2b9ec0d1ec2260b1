//! A point allocates nothing: counted by a global allocator of this test's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use fluent_anomaly::detector::{ArEstimator, ChangeFinder, Finite, Params, Surprise};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The one test of this file: others would allocate at the same time.
#[test]
fn a_point_allocates_nothing() {
    for estimator in [ArEstimator::Yule, ArEstimator::Burg] {
        for surprise in [Surprise::LogLoss, Surprise::Hellinger] {
            for k in [1, 7, 10, 11, 100] {
                let params = Params::new(0.02, k, 10, 5, estimator, surprise).unwrap();
                let before_new = CALLS.load(Ordering::Relaxed);
                let mut model = ChangeFinder::new(&params);
                let before = CALLS.load(Ordering::Relaxed);
                // the counter works, and a model is one block
                assert_eq!(before - before_new, 1);
                let mut sum = 0.0;
                for i in 0..1000 {
                    let x = Finite::new(f64::from(i * 7919 % 101)).unwrap();
                    sum += model.update(&params, x).unwrap().outlier;
                }
                assert_eq!(CALLS.load(Ordering::Relaxed), before, "{estimator} {surprise} {k}");
                assert!(sum.is_finite());
            }
        }
    }
}
