//! One function, operator by operator: the bytes of its frame, and the calls that it makes.

use std::collections::BTreeSet;

use wasmparser::{
    BlockType, FuncToValidate, FuncType, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator,
    ValidatorResources,
};

use super::cells::{Cells, Operand, size};

pub(super) type Error = Box<dyn std::error::Error>;

/// Bytes of `WASMInterpFrame` ahead of its cells, on a 64-bit host: caller, function, instruction, place of the
/// result, and locals.
pub(super) const HEADER: u32 = 40;
pub(super) const CELL: u32 = 4;

/// A call as it stands in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    Function(usize),
    /// Through the table, any function of this type.
    Type(u32),
}

/// What one function needs, before calls through the table are known.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) frame: u32,
    pub(super) shadow_frame: u32,
    pub(super) calls: BTreeSet<Call>,
}

pub(super) fn walk(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    kind: &FuncType,
) -> Result<Walked, Error> {
    let mut validator = function.into_validator(FuncValidatorAllocations::default());
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut locals = Vec::new();
    let mut start = 0;
    for index in 0..validator.len_locals() {
        let size = size(validator.get_local_type(index).ok_or("a local has no type")?);
        locals.push(Operand { cell: i64::from(start), size });
        start += size;
    }
    let results: Vec<u32> = kind.results().iter().map(|kind| size(*kind)).collect();
    let mut walk = Walk {
        locals,
        cells: Cells::new(i64::from(start), i64::from(i16::MAX), i64::from(start)),
        constants: Constants::default(),
        calls: BTreeSet::new(),
    };
    // twice, as the loader does: the second time it knows where the dynamic space ends
    for _ in 0..2 {
        let most = walk.cells.most;
        walk.cells = Cells::new(i64::from(start), most, most);
        walk.cells.open(results.clone(), false);
        walk.run(validator.clone(), body)?;
    }
    let constants = walk.constants.cells();
    let behind = u32::try_from(walk.cells.preserved - i64::from(start) + 1)?;
    Ok(Walked {
        frame: HEADER + CELL * (constants + start + behind),
        shadow_frame: shadow_frame(body)?,
        calls: walk.calls,
    })
}

/// `__stack_pointer - n` at the beginning of the function: n.
fn shadow_frame(body: &FunctionBody<'_>) -> Result<u32, Error> {
    let mut before = [Operator::Nop, Operator::Nop];
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        if let ([Operator::GlobalGet { global_index: 0 }, Operator::I32Const { value }], Operator::I32Sub) =
            (&before, &operator)
        {
            return Ok(u32::try_from(*value)?);
        }
        let [_, last] = before;
        before = [last, operator];
    }
    Ok(0)
}

/// Constants of a function, each of them once: numbers of 64 bits and of 32 bits, by their bits.
#[derive(Debug, Default)]
struct Constants {
    wide: BTreeSet<u64>,
    narrow: BTreeSet<u32>,
}

impl Constants {
    fn cells(&self) -> u32 {
        (2 * self.wide.len() + self.narrow.len()) as u32
    }
}

#[derive(Debug)]
struct Walk {
    locals: Vec<Operand>,
    cells: Cells,
    constants: Constants,
    calls: BTreeSet<Call>,
}

impl Walk {
    fn run(
        &mut self,
        mut validator: FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut operators = body.get_operators_reader()?;
        let mut call = None;
        let mut writes_its_result = false;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            let arity =
                operator.operator_arity(&validator.visitor(offset)).ok_or("an operator of no known arity")?;
            validator.op(offset, &operator)?;
            if self.cells.is_dead(&operator) {
                continue;
            }
            // a call that does not return ends in a trap, with or without an overflow
            if let Some(made) = call.take()
                && !matches!(operator, Operator::Unreachable)
            {
                self.calls.insert(made);
            }
            match operator {
                Operator::Call { function_index } => call = Some(Call::Function(function_index as usize)),
                Operator::CallIndirect { type_index, .. } => call = Some(Call::Type(type_index)),
                _ => {}
            }
            self.step(&operator, arity, writes_its_result, &validator)?;
            writes_its_result = is_plain(&operator);
        }
        Ok(())
    }

    fn step(
        &mut self,
        operator: &Operator<'_>,
        (taken, made): (u32, u32),
        writes_its_result: bool,
        validator: &FuncValidator<ValidatorResources>,
    ) -> Result<(), Error> {
        let cells = &mut self.cells;
        match *operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                return self.open(blockty, matches!(operator, Operator::If { .. }));
            }
            Operator::Else => cells.turn(),
            Operator::End => cells.close(),
            Operator::Unreachable | Operator::Return | Operator::Br { .. } | Operator::BrTable { .. } => {
                if matches!(operator, Operator::BrTable { .. }) {
                    cells.pop();
                }
                cells.stop();
            }
            Operator::BrIf { .. } => cells.pop(),
            Operator::I32Const { value } => self.push_narrow(value.cast_unsigned()),
            Operator::F32Const { value } => self.push_narrow(value.bits()),
            Operator::I64Const { value } => self.push_wide(value.cast_unsigned()),
            Operator::F64Const { value } => self.push_wide(value.bits()),
            Operator::LocalGet { local_index } => {
                cells.operands.push(*self.locals.get(local_index as usize).ok_or("no such local")?);
            }
            Operator::LocalSet { local_index } => {
                let local = *self.locals.get(local_index as usize).ok_or("no such local")?;
                self.set_local(local, writes_its_result);
            }
            Operator::LocalTee { local_index } => {
                let local = *self.locals.get(local_index as usize).ok_or("no such local")?;
                cells.preserve(local.cell);
            }
            _ => {
                for _ in 0..taken {
                    cells.pop();
                }
                for below in (0..made).rev() {
                    let kind = validator
                        .get_operand_type(below as usize)
                        .flatten()
                        .ok_or("an operand has no type")?;
                    cells.push(size(kind));
                }
            }
        }
        Ok(())
    }

    /// Begins a block, whose results are counted at its end.
    fn open(&mut self, kind: BlockType, is_if: bool) -> Result<(), Error> {
        if is_if {
            self.cells.pop();
        }
        let results = match kind {
            BlockType::Empty => Vec::new(),
            BlockType::Type(kind) => vec![size(kind)],
            BlockType::FuncType(_) => return Err("a block that takes operands is not supported".into()),
        };
        self.cells.preserve_all();
        self.cells.open(results, is_if);
        Ok(())
    }

    fn push_narrow(&mut self, constant: u32) {
        self.constants.narrow.insert(constant);
        self.cells.operands.push(Operand { cell: -1, size: 1 });
    }

    fn push_wide(&mut self, constant: u64) {
        self.constants.wide.insert(constant);
        self.cells.operands.push(Operand { cell: -1, size: 2 });
    }

    /// Takes the operand that a local gets; `writes_its_result`: the operation ahead may write to the local itself.
    fn set_local(&mut self, local: Operand, writes_its_result: bool) {
        let preserved = self.cells.preserve(local.cell);
        if writes_its_result && !preserved && local.cell < 256 {
            self.cells.operands.pop();
            self.cells.dynamic -= i64::from(local.size);
        } else {
            self.cells.pop();
        }
    }
}

/// Whether the loader lets the operation write its result to the local of a `local.set` behind it: loads, arithmetic,
/// comparisons and conversions.
pub(crate) fn is_plain(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::BrIf { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::Drop
            | Operator::Select
            | Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::GlobalGet { .. }
            | Operator::GlobalSet { .. }
            | Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::MemorySize { .. }
            | Operator::MemoryGrow { .. }
    )
}
