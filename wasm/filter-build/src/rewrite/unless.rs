//! `x, i32.eqz, br_if 0` leaves a block where x is 0. With an `if` around the rest of the block that needs no `i32.eqz`.
//!
//! LLVM holds nothing on the stack where blocks of its own begin, so the rest takes nothing from outside of the new
//! `if`; a module for which that is not true would not be valid any more, which is checked.

use std::borrow::Cow;

use wasm_encoder::{BlockType, Instruction};
use wasmparser::{BlockType as ParsedType, Operator};

/// What takes the place of the two.
pub(super) const IF: Instruction<'static> = Instruction::If(BlockType::Empty);

/// The blocks that are open, the innermost last. Where none is, the function itself is.
#[derive(Debug, Default)]
pub(super) struct Frames(Vec<Frame>);

#[derive(Debug)]
struct Frame {
    /// A branch to it goes to its end and takes nothing along.
    leads_to_end: bool,
    /// New `if`s inside of it that are open.
    unless: u32,
}

impl Frames {
    /// Opens a new `if` in the innermost block, where one may stand for a branch to its end.
    pub(super) fn open_unless(&mut self) -> bool {
        let Some(frame) = self.0.last_mut().filter(|frame| frame.leads_to_end) else { return false };
        frame.unless += 1;
        true
    }

    /// Takes notice of an operator; how many new `if`s end ahead of it.
    pub(super) fn ends_ahead_of(&mut self, operator: &Operator<'_>) -> u32 {
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                self.0.push(Frame { leads_to_end: *blockty == ParsedType::Empty, unless: 0 });
                0
            }
            Operator::Loop { .. } => {
                self.0.push(Frame { leads_to_end: false, unless: 0 });
                0
            }
            Operator::Else => self.0.last_mut().map_or(0, |frame| std::mem::take(&mut frame.unless)),
            Operator::End => self.0.pop().map_or(0, |frame| frame.unless),
            _ => 0,
        }
    }

    /// The same branch from inside of the new `if`s.
    pub(super) fn deepen<'a>(&self, instruction: Instruction<'a>) -> Instruction<'a> {
        match instruction {
            Instruction::Br(depth) => Instruction::Br(self.depth(depth)),
            Instruction::BrIf(depth) => Instruction::BrIf(self.depth(depth)),
            Instruction::BrTable(depths, default) => {
                let depths: Cow<'a, [u32]> = depths.iter().map(|depth| self.depth(*depth)).collect();
                Instruction::BrTable(depths, self.depth(default))
            }
            other => other,
        }
    }

    fn depth(&self, depth: u32) -> u32 {
        let crossed = self.0.iter().rev().take(depth as usize + 1);
        depth + crossed.map(|frame| frame.unless).sum::<u32>()
    }
}
