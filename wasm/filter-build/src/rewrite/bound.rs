//! `x < c ? c : x` becomes `f64.max x, c`, and `x > c ? c : x` becomes `f64.min x, c`, for a constant c.
//!
//! They agree for all numbers, as c is neither NaN nor zero, whose sign could differ; and where x is NaN, both are NaN.
//! LLVM leaves the comparison, because that is the faster way on most processors.

use super::lines::Lines;
use wasmparser::Operator;

/// Writes a `select` of two numbers, one a constant, by whether the other is beyond it; false, and nothing is done,
/// for any other.
pub(super) fn select(lines: &mut Lines<'_>) -> bool {
    let (Some(beyond), Some(number), Some(bound)) = (lines.value(0), lines.value(1), lines.value(2)) else {
        return false;
    };
    // c; ...; x; x; c; lt
    let at = number.first;
    let is_in_a_row = number.last == at && beyond.first == at + 1 && beyond.last == at + 3;
    if !is_in_a_row || lines.len() != at + 4 || bound.first != bound.last {
        return false;
    }
    let (
        Some(&Operator::F64Const { value: chosen }),
        Some(&Operator::LocalGet { local_index: x }),
        Some(&Operator::LocalGet { local_index: compared }),
        Some(&Operator::F64Const { value: limit }),
    ) = (lines.operator(bound.last), lines.operator(at), lines.operator(at + 1), lines.operator(at + 2))
    else {
        return false;
    };
    let nearer = match lines.operator(at + 3) {
        Some(Operator::F64Lt) => Operator::F64Max,
        Some(Operator::F64Gt) => Operator::F64Min,
        _ => return false,
    };
    let c = f64::from_bits(limit.bits());
    if chosen != limit || x != compared || c == 0.0 || c.is_nan() {
        return false;
    }
    lines.drop_line(bound.last);
    lines.cut(at, 3);
    lines.push(Operator::LocalGet { local_index: x });
    lines.push(Operator::F64Const { value: limit });
    lines.push(nearer);
    true
}
