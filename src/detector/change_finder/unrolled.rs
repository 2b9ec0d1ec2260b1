//! Loops written out by the compiler front end, so that small models live in registers.
//!
//! Inside the WASM interpreter an array access costs an address, a bounds check and a trip to memory; a local
//! variable costs nothing. The optimizer gives up unrolling the triangular loops of Levinson and Burg at about
//! order 5, hence this macro.

/// Highest AR order with code of its own; longer models take the loops.
pub(super) const UNROLLED: usize = 10;

/// Length of the arrays that unrolled code indexes by constants; what lies beyond the order is never touched.
pub(super) const LANES: usize = UNROLLED + 1;

/// Values by lag, or by index.
pub(super) type Lanes = [f64; LANES];

/// `unroll!(J < END, { .. })` is the body once for each constant `J` in `0..END`, `END` at most [`UNROLLED`].
macro_rules! unroll {
    ($i:ident < $end:expr, $body:block) => {
        unroll!(@ $i, $end, $body, 0 1 2 3 4 5 6 7 8 9)
    };
    (@ $i:ident, $end:expr, $body:block, $($at:literal)*) => {$({
        const $i: usize = $at;
        if $i < $end $body
    })*};
}
