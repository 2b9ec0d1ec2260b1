//! Where the operands of a function lie, as the loader of the interpreter sees it.

use wasmparser::{Operator, ValType};

/// Cells of a value.
pub(super) fn size(kind: ValType) -> u32 {
    match kind {
        ValType::I32 | ValType::F32 => 1,
        ValType::V128 => 4,
        ValType::I64 | ValType::F64 | ValType::Ref(_) => 2,
    }
}

pub(super) fn cells(kinds: &[ValType]) -> u32 {
    kinds.iter().map(|kind| size(*kind)).sum()
}

/// An operand: its first cell, negative for a constant, and how many cells it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand {
    pub(super) cell: i64,
    pub(super) size: u32,
}

#[derive(Debug)]
pub(super) struct Block {
    /// Operands below it.
    height: usize,
    /// First free cell of the dynamic space where it begins.
    pub(super) dynamic: i64,
    results: Vec<u32>,
    is_if: bool,
    /// Nothing more is reached in it.
    is_dead: bool,
}

/// The loader's view of a function: where operands lie.
#[derive(Debug)]
pub(super) struct Cells {
    /// Cells of parameters and locals; the dynamic space begins behind them.
    start: i64,
    pub(super) dynamic: i64,
    pub(super) most: i64,
    pub(super) preserved: i64,
    pub(super) operands: Vec<Operand>,
    blocks: Vec<Block>,
    /// Blocks that began where nothing is reached.
    dead_blocks: u32,
}

impl Cells {
    pub(super) fn new(start: i64, preserved: i64, most: i64) -> Self {
        Self {
            start,
            dynamic: start,
            most,
            preserved,
            operands: Vec::new(),
            blocks: Vec::new(),
            dead_blocks: 0,
        }
    }

    /// Whether the code is never reached; follows blocks that begin and end there.
    pub(super) fn is_dead(&mut self, operator: &Operator<'_>) -> bool {
        if !self.blocks.last().is_some_and(|block| block.is_dead) {
            return false;
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.dead_blocks += 1,
            Operator::Else if self.dead_blocks == 0 => return false,
            Operator::End if self.dead_blocks == 0 => return false,
            Operator::End => self.dead_blocks -= 1,
            _ => {}
        }
        true
    }

    pub(super) fn push(&mut self, size: u32) {
        self.operands.push(Operand { cell: self.dynamic, size });
        self.dynamic += i64::from(size);
        self.most = self.most.max(self.dynamic);
    }

    /// The first cell of the dynamic space is not given back, as in the loader.
    pub(super) fn pop(&mut self) {
        let Some(operand) = self.operands.pop() else { return };
        if operand.cell > self.start && operand.cell < self.most {
            self.dynamic -= i64::from(operand.size);
        }
    }

    /// Keeps the old value of a local that operands refer to; false where none does.
    pub(super) fn preserve(&mut self, local: i64) -> bool {
        let mut is_first = true;
        let place = self.preserved;
        for operand in &mut self.operands {
            if operand.cell == local {
                if is_first {
                    self.preserved += i64::from(operand.size);
                    is_first = false;
                }
                operand.cell = place;
            }
        }
        !is_first
    }

    pub(super) fn preserve_all(&mut self) {
        let locals = 0..self.start;
        while let Some(operand) = self.operands.iter().find(|operand| locals.contains(&operand.cell)) {
            self.preserve(operand.cell);
        }
    }

    pub(super) fn open(&mut self, results: Vec<u32>, is_if: bool) {
        let block =
            Block { height: self.operands.len(), dynamic: self.dynamic, results, is_if, is_dead: false };
        self.blocks.push(block);
    }

    pub(super) fn stop(&mut self) {
        if let Some(block) = self.blocks.last_mut() {
            block.is_dead = true;
            self.operands.truncate(block.height);
        }
    }

    /// Moves the results of a block to the cells where those who branch to its end put them.
    fn settle(&mut self, block: &Block) {
        if block.is_dead {
            for size in &block.results {
                self.push(*size);
            }
        }
        let [size] = block.results[..] else { return };
        if self.operands.last().is_some_and(|operand| operand.cell != block.dynamic) {
            self.operands.pop();
            self.dynamic = block.dynamic;
            self.push(size);
        }
    }

    pub(super) fn turn(&mut self) {
        let Some(mut block) = self.blocks.pop() else { return };
        self.settle(&block);
        self.operands.truncate(block.height);
        self.dynamic = block.dynamic;
        block.is_if = false;
        block.is_dead = false;
        self.blocks.push(block);
    }

    pub(super) fn close(&mut self) {
        if self.blocks.last().is_some_and(|block| block.is_if) {
            self.turn();
        }
        if let Some(block) = self.blocks.pop() {
            self.settle(&block);
        }
    }
}
