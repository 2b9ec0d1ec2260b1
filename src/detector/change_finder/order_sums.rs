//! Choice of the AR order of a series that is not kept: from running sums instead of points.
//!
//! [`select_order`](super::select_order) needs every point, 12 kB for a day of minutes. [`OrderSums`] keeps about 1.3 kB
//! and comes to the same AIC up to rounding.
//!
//! | symbol | here |
//! |---|---|
//! | d_t | a point minus `shift`, the median of the first [`MAX_SUMMED_ORDER`] points |
//! | P_j | `products[j]`, the sum of d_t d_(t-j) over all points that have j predecessors |
//! | S | `sum` of all d_t |
//!
//! The definitions of `order_selection` leave out the first k points for the order k. With `n - k` points from t = k on
//! and their mean mu,
//!
//! ```text
//! (n-k) C_j = (P_j - sum over t in j..k of d_t d_(t-j)) - mu (A + B_j) + (n-k) mu^2
//! A = sum over t in k..n of d_t,   B_j = sum over t in k..n of d_(t-j)
//! ```
//!
//! so the first and the last [`MAX_SUMMED_ORDER`] points complete the sums. The shift keeps the digits of a series that
//! is far from 0.

use super::order_selection::{OrderFit, SelectedOrder, fit, lowest, select_order};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::insertion::sort_few;
use crate::detector::numeric::Finite;

/// Highest order that [`OrderSums`] can choose.
pub(crate) const MAX_SUMMED_ORDER: usize = 50;

/// More points than a series can have.
const MOST_POINTS: u64 = 1 << 53;

/// Running sums of a series, from which its AR order can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderSums {
    count: u64,
    /// Median of the first points; 0 until all of them are there.
    shift: f64,
    sum: f64,
    products: [f64; MAX_SUMMED_ORDER + 1],
    /// The first points, in their order; 0 where there is none yet.
    first: [f64; MAX_SUMMED_ORDER],
    /// The last points, the newest last; 0 where there is none yet.
    last: [f64; MAX_SUMMED_ORDER],
}

impl Default for OrderSums {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderSums {
    /// Sums of nothing.
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            shift: 0.0,
            sum: 0.0,
            products: [0.0; MAX_SUMMED_ORDER + 1],
            first: [0.0; MAX_SUMMED_ORDER],
            last: [0.0; MAX_SUMMED_ORDER],
        }
    }

    /// How many points were added.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Adds the next point of the series.
    pub(crate) fn push(&mut self, x: Finite) {
        let x = x.get();
        if let Some(slot) = usize::try_from(self.count).ok().and_then(|at| self.first.get_mut(at)) {
            *slot = x;
        } else {
            if self.count == MAX_SUMMED_ORDER as u64 {
                self.sum_first_points();
            }
            self.add(x);
        }
        self.last.rotate_left(1);
        self.last[MAX_SUMMED_ORDER - 1] = x;
        self.count += 1;
    }

    /// The last points, at most [`MAX_SUMMED_ORDER`], the oldest first.
    pub(crate) fn last_points(&self) -> &[f64] {
        let known = usize::try_from(self.count).unwrap_or(MAX_SUMMED_ORDER).min(MAX_SUMMED_ORDER);
        &self.last[MAX_SUMMED_ORDER - known..]
    }

    /// The AR order with the lowest AIC, from 1 to `max_order`, at most [`MAX_SUMMED_ORDER`], and below the number of
    /// points. The same rules as [`select_order`](super::select_order()) hold for too few points and for equals.
    pub(crate) fn select(&self, max_order: usize) -> SelectedOrder {
        let max_order = max_order.min(MAX_SUMMED_ORDER);
        if self.count <= MAX_SUMMED_ORDER as u64 {
            return select_order(self.last_points(), max_order);
        }
        lowest(self.fits(max_order))
    }

    /// The sums begin when the shift is known.
    fn sum_first_points(&mut self) {
        let first = self.first;
        let mut sorted = first;
        sort_few(&mut sorted, |a, b| a.total_cmp(b).is_gt());
        self.shift = sorted[MAX_SUMMED_ORDER / 2];
        self.last = [self.shift; MAX_SUMMED_ORDER];
        for x in first {
            self.add(x);
            self.last.rotate_left(1);
            self.last[MAX_SUMMED_ORDER - 1] = x;
        }
    }

    /// Adds `x` and its products with the last points. A point before the first is the shift, so its products are 0.
    fn add(&mut self, x: f64) {
        let d = x - self.shift;
        self.sum += d;
        self.products[0] += d * d;
        for (product, past) in self.products[1..].iter_mut().zip(self.last.iter().rev()) {
            *product += d * (past - self.shift);
        }
    }

    /// The fit of each order; there are more than [`MAX_SUMMED_ORDER`] points.
    fn fits(&self, max_order: usize) -> impl Iterator<Item = OrderFit> {
        let first = self.first.map(|x| x - self.shift);
        let last = self.last.map(|x| x - self.shift);
        // of the first points, which the order leaves out: their sum, and their products by lag
        let mut left_out = 0.0;
        let mut products_left_out = [0.0; MAX_SUMMED_ORDER + 1];
        let mut c = Vec::with_capacity(max_order + 1);
        let mut a = Vec::with_capacity(max_order);
        (1..=max_order).map(move |k| {
            let t = k - 1;
            left_out += first[t];
            for (products, past) in products_left_out.iter_mut().zip(first[..k].iter().rev()) {
                *products += first[t] * past;
            }
            let count = self.count as f64 - k as f64;
            let sum = self.sum - left_out;
            let mu = sum / count;
            // of the points j before those from k on: one more at the start, one less at the end, for each j
            let mut sum_before = sum;
            c.clear();
            for (j, (all, left_out)) in self.products.iter().zip(&products_left_out).take(k + 1).enumerate() {
                if j > 0 {
                    sum_before += first[k - j] - last[MAX_SUMMED_ORDER - j];
                }
                c.push((all - left_out - mu * (sum + sum_before)) / count + mu * mu);
            }
            fit(self.count as f64, k, &c, &mut a)
        })
    }

    /// Appends the state, every bit of it.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.count);
        w.f64s(self.points_before_sums());
        if self.count > MAX_SUMMED_ORDER as u64 {
            w.f64(self.shift);
            w.f64(self.sum);
            w.f64s(&self.products);
            w.f64s(&self.last);
        }
    }

    /// The first points, as many as there are.
    fn points_before_sums(&self) -> &[f64] {
        let known = usize::try_from(self.count).unwrap_or(MAX_SUMMED_ORDER).min(MAX_SUMMED_ORDER);
        &self.first[..known]
    }

    /// Sums that go on exactly where the saved ones stopped.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when bytes are missing, [`CodecError::Invalid`] when no series has such sums.
    pub(crate) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "sums for the AR order";
        let mut sums = Self::new();
        let count = r.varint(WHAT)?;
        if count > MOST_POINTS {
            return Err(CodecError::Invalid { what: WHAT });
        }
        for _ in 0..count.min(MAX_SUMMED_ORDER as u64) {
            let x = Finite::new(r.f64(WHAT)?).ok_or(CodecError::Invalid { what: WHAT })?;
            sums.push(x);
        }
        if count > MAX_SUMMED_ORDER as u64 {
            sums.count = count;
            sums.shift = r.f64(WHAT)?;
            sums.sum = r.f64(WHAT)?;
            r.f64s(&mut sums.products, WHAT)?;
            r.f64s(&mut sums.last, WHAT)?;
        }
        let points = sums.last.iter().chain([&sums.shift]).all(|&x| Finite::new(x).is_some());
        let added = sums
            .products
            .iter()
            .chain([&sums.sum])
            .all(|x| x.abs() <= MOST_POINTS as f64 * 4.0 * Finite::MAX * Finite::MAX);
        if points && added { Ok(sums) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums(points: &[f64]) -> OrderSums {
        let mut sums = OrderSums::new();
        points.iter().filter_map(|&x| Finite::new(x)).for_each(|x| sums.push(x));
        sums
    }

    /// AR(2) noise of this size around a level that jumps in the middle.
    fn series(n: usize, seed: u64, level: f64, jump: f64, noise: f64) -> Vec<f64> {
        let mut word = seed | 1;
        let (mut a, mut b) = (0.0, 0.0);
        (0..n)
            .map(|t| {
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                let e = (word >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
                (a, b) = (0.5 * a - 0.3 * b + e, a);
                level + noise * a + if t > n / 2 { jump } else { 0.0 }
            })
            .collect()
    }

    proptest! {
        #[test]
        fn sums_choose_the_order_that_the_points_choose(
            n in 0usize..1600, seed: u64, level in -1e6f64..1e6, jump in -100f64..100.0, noise in 0.1f64..100.0,
        ) {
            let points = series(n, seed, level, jump, noise);
            let (by_sums, by_points) = (sums(&points).select(50), select_order(&points, 50));
            // equal, or equally good: rounding decides between orders whose AIC is the same to nine digits
            let near = (by_sums.aic - by_points.aic).abs() <= 1e-6 * by_points.aic.abs().max(1.0);
            prop_assert!(
                by_sums == by_points || near || by_sums.order == by_points.order,
                "{:?}, {:?}", by_sums, by_points
            );
        }

        #[test]
        fn restored_sums_go_on_bit_for_bit(n in 0usize..200, more in 0usize..100, seed: u64) {
            let points = series(n + more, seed, 40.0, 3.0, 5.0);
            let whole = sums(&points);
            let mut bytes = Vec::new();
            sums(&points[..n]).save(&mut Writer::new(&mut bytes));
            let mut reader = Reader::new(&bytes);
            let mut restored = OrderSums::restore(&mut reader).unwrap();
            prop_assert!(reader.is_empty());
            points[n..].iter().filter_map(|&x| Finite::new(x)).for_each(|x| restored.push(x));
            prop_assert_eq!(restored, whole);
        }

        #[test]
        fn any_bytes_restore_to_an_error_or_to_sums_that_choose(bytes: Vec<u8>, fill: u64) {
            let mut long = bytes.clone();
            for _ in 0..200 {
                long.extend(fill.to_le_bytes());
            }
            for bytes in [bytes, long] {
                if let Ok(mut sums) = OrderSums::restore(&mut Reader::new(&bytes)) {
                    sums.push(Finite::new(-1e100).unwrap());
                    prop_assert!((1..=50).contains(&sums.select(50).order));
                }
            }
        }
    }

    #[test]
    fn degenerate_series_choose_as_their_points_do() {
        type Series = fn(usize) -> f64;
        let rows: [(&str, Series); 6] = [
            ("zeros", |_| 0.0),
            ("constant", |_| 37.3),
            ("alternating extremes", |t| if t % 2 == 0 { 1e100 } else { -1e100 }),
            ("denormal", |t| if t % 3 == 0 { 5e-324 } else { 0.0 }),
            ("a first point far off", |t| if t == 0 { 1e9 } else { (t * t % 37) as f64 }),
            ("far from zero", |t| 1e9 + (t * t % 37) as f64),
        ];
        for (name, point) in rows {
            for n in [0, 1, 2, 49, 50, 51, 52, 1500] {
                let points: Vec<f64> = (0..n).map(point).collect();
                let order = sums(&points).select(50).order;
                assert!((1..=50).contains(&order), "{name} {n}");
                if matches!(name, "zeros" | "constant" | "a first point far off" | "far from zero") {
                    assert_eq!(order, select_order(&points, 50).order, "{name} {n}");
                }
            }
        }
    }
}
