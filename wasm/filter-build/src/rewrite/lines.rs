//! The instructions of a function as they will be written, and which of them made each value on the stack.

use wasmparser::{BlockType, ContType, FrameKind, FuncType, ModuleArity, Operator, RefType, SubType};

/// An instruction, or the place of one that was dropped.
#[derive(Debug)]
struct Line<'a> {
    /// Blocks that begin ahead of it.
    blocks: u32,
    operator: Option<Operator<'a>>,
}

/// A value on the stack: the lines that made it. Nothing between them branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// Line that its first operand began with.
    pub(super) first: usize,
    /// Line that pushed it.
    pub(super) last: usize,
}

/// Instructions so far, and the values that the latest of them left on the stack: those since the last branch,
/// label or call.
#[derive(Debug, Default)]
pub(super) struct Lines<'a> {
    lines: Vec<Line<'a>>,
    stack: Vec<Value>,
    /// For each open block whether a branch to its label takes no value along.
    labels: Vec<bool>,
}

impl<'a> Lines<'a> {
    pub(super) fn push(&mut self, operator: Operator<'a>) {
        let at = self.lines.len();
        match operator.operator_arity(&Straight) {
            Some((taken, 0 | 1)) if is_straight(&operator) => {
                let makes = !matches!(operator.operator_arity(&Straight), Some((_, 0)));
                let kept = self.stack.len().checked_sub(taken as usize);
                // what stands below was pushed ahead of a label: the whole is of no use to a rewrite
                let first = match kept {
                    Some(kept) => self.stack.get(kept).map_or(at, |value| value.first),
                    None => usize::MAX,
                };
                self.stack.truncate(kept.unwrap_or(0));
                if makes && first != usize::MAX {
                    self.stack.push(Value { first, last: at });
                } else if makes {
                    self.stack.clear();
                }
            }
            _ => self.stack.clear(),
        }
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                self.labels.push(blockty == BlockType::Empty);
            }
            // its label stands at its beginning
            Operator::Loop { blockty } => self.labels.push(!matches!(blockty, BlockType::FuncType(_))),
            Operator::End => {
                self.labels.pop();
            }
            _ => {}
        }
        self.lines.push(Line { blocks: 0, operator: Some(operator) });
    }

    /// Whether a branch so many blocks out takes no value along; false for the function itself.
    pub(super) fn is_bare(&self, depth: u32) -> bool {
        let at = self.labels.len().checked_sub(depth as usize + 1);
        at.and_then(|at| self.labels.get(at)).copied().unwrap_or(false)
    }

    /// The value on top of the stack, or so many below it.
    pub(super) fn value(&self, below: usize) -> Option<Value> {
        self.stack.len().checked_sub(below + 1).and_then(|at| self.stack.get(at)).copied()
    }

    /// The instruction of a line.
    pub(super) fn operator(&self, line: usize) -> Option<&Operator<'a>> {
        self.lines.get(line)?.operator.as_ref()
    }

    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Leaves a line out; the stack is the caller's business.
    pub(super) fn drop_line(&mut self, line: usize) {
        if let Some(line) = self.lines.get_mut(line) {
            line.operator = None;
        }
    }

    /// Begins a block without values ahead of a line.
    pub(super) fn open_block(&mut self, line: usize) {
        self.labels.push(true);
        if let Some(line) = self.lines.get_mut(line) {
            line.blocks += 1;
        }
    }

    /// Takes values off the stack, and the lines from `line` on.
    pub(super) fn cut(&mut self, line: usize, values: usize) {
        self.lines.truncate(line);
        self.stack.truncate(self.stack.len().saturating_sub(values));
    }

    /// For each line the number of blocks that begin ahead of it, and its instruction.
    pub(super) fn finish(self) -> impl Iterator<Item = (u32, Option<Operator<'a>>)> {
        self.lines.into_iter().map(|line| (line.blocks, line.operator))
    }
}

/// False where control may come from elsewhere or go there.
fn is_straight(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Unreachable
            | Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
    )
}

/// Knows no types, which straight code does not ask for.
struct Straight;

impl ModuleArity for Straight {
    fn sub_type_at(&self, _: u32) -> Option<&SubType> {
        None
    }
    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }
    fn type_index_of_function(&self, _: u32) -> Option<u32> {
        None
    }
    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }
    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }
    fn control_stack_height(&self) -> u32 {
        0
    }
    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}
