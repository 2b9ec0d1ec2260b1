//! `i32.eqz; br_if l` becomes `block; <condition>; br_if 0; br l + 1; end`.
//!
//! LLVM lays code out so that the usual way falls through, and turns a condition around with `i32.eqz` where it must.
//! The block does the same for nothing, and its `br` is met on the rare way only.

use super::lines::Lines;
use wasmparser::Operator;

/// Writes a branch to `depth` if the line ahead of it is an `i32.eqz`; false, and nothing is done, otherwise, or where the
/// branch takes a value along, which the block would keep out.
pub(super) fn branch(lines: &mut Lines<'_>, depth: u32) -> bool {
    let (Some(condition), Some(inner)) = (lines.value(0), depth.checked_add(1)) else { return false };
    if !lines.is_bare(depth)
        || condition.last + 1 != lines.len()
        || !matches!(lines.operator(condition.last), Some(Operator::I32Eqz))
    {
        return false;
    }
    lines.cut(condition.last, 1);
    lines.open_block(condition.first);
    lines.push(Operator::BrIf { relative_depth: 0 });
    lines.push(Operator::Br { relative_depth: inner });
    lines.push(Operator::End);
    true
}
