use super::*;
use proptest::prelude::*;

fn sketch(values: &[f64]) -> QuantileSketch {
    let mut sketch = QuantileSketch::default();
    values.iter().for_each(|&value| sketch.insert(Finite::new(value).unwrap()));
    sketch
}

fn exact(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(q * (values.len() - 1) as f64) as usize]
}

fn saved(sketch: &QuantileSketch) -> Vec<u8> {
    let mut bytes = Vec::new();
    sketch.save(&mut Writer::new(&mut bytes));
    bytes
}

/// Magnitudes over four decades, both signs and zero.
fn numbers() -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        6 => (-4.0..0.0f64).prop_map(|e| 10f64.powf(e) * 7e3),
        1 => (-4.0..0.0f64).prop_map(|e| -(10f64.powf(e) * 7e3)),
        1 => Just(0.0),
        1 => Just(250.0),
    ];
    proptest::collection::vec(number, 1..400)
}

proptest! {
    #[test]
    fn an_estimate_is_within_one_per_cent_of_the_exact_quantile(values in numbers(), q in 0.0..=1.0f64) {
        let sketch = sketch(&values);
        for q in [q, 0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let (exact, estimate) = (exact(&values, q), sketch.quantile(q).unwrap());
            prop_assert!((estimate - exact).abs() <= 0.0099011 * exact.abs(), "q {}: {} for {}", q, estimate, exact);
        }
    }

    #[test]
    fn a_merged_sketch_is_that_of_all_numbers(a in numbers(), b in numbers()) {
        let mut merged = sketch(&a);
        merged.merge(&sketch(&b));
        let all = sketch(&[a, b].concat());
        for q in 0..=20 {
            let q = f64::from(q) / 20.0;
            prop_assert_eq!(merged.quantile(q).map(f64::to_bits), all.quantile(q).map(f64::to_bits));
        }
        prop_assert_eq!(merged.count(), all.count());
    }

    #[test]
    fn a_restored_sketch_goes_on_bit_for_bit(a in numbers(), b in numbers()) {
        let mut original = sketch(&a);
        let mut restored = QuantileSketch::restore(&mut Reader::new(&saved(&original))).unwrap();
        prop_assert_eq!(&restored, &original);
        for &value in &b {
            original.insert(Finite::new(value).unwrap());
            restored.insert(Finite::new(value).unwrap());
        }
        prop_assert_eq!(saved(&restored), saved(&original));
    }

    #[test]
    fn no_number_and_no_bytes_make_it_panic_or_grow(values: Vec<f64>, bytes: Vec<u8>) {
        let mut sketch = QuantileSketch::default();
        values.iter().filter_map(|&value| Finite::new(value)).for_each(|value| sketch.insert(value));
        prop_assert!(sketch.heap_bytes() <= 2 * 4 * MAX_BINS);
        if let Ok(mut restored) = QuantileSketch::restore(&mut Reader::new(&bytes)) {
            restored.insert(Finite::new(1.0).unwrap());
            prop_assert!(restored.quantile(0.5).unwrap().is_finite());
        }
    }
}

#[test]
fn a_range_beyond_the_bins_keeps_the_large_magnitudes_exact() {
    // ten decades: the lower six are put together
    let values: Vec<f64> = (0..10_000).map(|n| 10f64.powf(f64::from(n) / 1000.0)).collect();
    for descending in [false, true] {
        let mut values = values.clone();
        if descending {
            values.reverse();
        }
        let sketch = sketch(&values);
        assert!(sketch.heap_bytes() <= 4 * MAX_BINS);
        for q in [0.65, 0.9, 0.99] {
            let (exact, estimate) = (exact(&values, q), sketch.quantile(q).unwrap());
            assert!((estimate / exact - 1.0).abs() <= 0.0099011, "{q}: {estimate} for {exact}");
        }
        assert_eq!((sketch.quantile(0.0), sketch.count()), (Some(1.0), 10_000));
    }
}

#[test]
fn the_constants_belong_together() {
    assert_eq!(ln(GAMMA).to_bits(), LN_GAMMA.to_bits());
    assert_eq!((1.0 / LN_GAMMA).to_bits(), BINS_PER_E.to_bits());
    assert!(index(Finite::MAX) <= MAX_INDEX && index(SMALLEST) >= -MAX_INDEX);
    const { assert!((GAMMA - 1.0) / (GAMMA + 1.0) < QuantileSketch::RELATIVE_ERROR) };
    const { assert!(QuantileSketch::MAX_BYTES <= 2048) };
}

#[test]
fn a_window_that_was_cleared_is_empty_and_allocates_nothing_more() {
    let mut sketch = sketch(&[1.0, 1000.0]);
    let bytes = sketch.heap_bytes();
    sketch.clear();
    assert_eq!((sketch.quantile(0.5), sketch.count()), (None, 0));
    sketch.insert(Finite::new(-0.0).unwrap());
    sketch.insert(Finite::new(3.0).unwrap());
    sketch.insert(Finite::new(3000.0).unwrap());
    assert_eq!(sketch.heap_bytes(), bytes);
    assert_eq!(sketch.quantile(0.0), Some(0.0));
    assert_eq!(sketch.quantile(1.0), Some(3000.0));
}

#[test]
fn the_saved_form_is_known_by_its_bytes() {
    let bytes = saved(&sketch(&[1.0, 1.0, 0.0]));
    // one zero; one bin, index 0, two numbers; none below zero; the least and the greatest
    let mut expected = vec![1, 1, 0xee, 0x5a, 2, 0];
    expected.extend(0.0f64.to_le_bytes());
    expected.extend(1.0f64.to_le_bytes());
    assert_eq!(bytes, expected);
}
