//! Stack frames of a module's functions in WAMR's fast interpreter, and the calls that they make.
//!
//! The interpreter translates a function when it loads it (`wasm_loader_prepare_bytecode`): constants get cells of their
//! own, `local.get` and constants are operands in place and take none, any other result takes the next cells of
//! the "dynamic space", and a local that is set while the operand stack still refers to its old value is kept in cells
//! behind that space. The same walk is done here, so that frames come out byte for byte as in WAMR 1.3.3 (Fluent Bit 3.2)
//! and 2.4.1 (5.1). Code behind an `unreachable` or a branch is left out; LLVM writes none.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    BlockType, CompositeInnerType, ElementItems, ExternalKind, FuncToValidate, FuncType, FuncValidator,
    FuncValidatorAllocations, FunctionBody, KnownCustom, Name, Operator, Parser, Payload, TypeRef, ValType,
    ValidPayload, Validator, ValidatorResources,
};

type Error = Box<dyn std::error::Error>;

/// Bytes of `WASMInterpFrame` ahead of its cells, on a 64-bit host: caller, function, instruction, place of the
/// result, and locals.
const HEADER: u32 = 40;
const CELL: u32 = 4;

/// A function of a module.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name, or its number where the module has no names.
    pub(crate) name: String,
    /// Bytes of its frame.
    pub(crate) frame: u32,
    /// Bytes of its frame in linear memory, on the compiler's own stack.
    pub(crate) shadow_frame: u32,
    /// Functions that it calls by name and that may return.
    pub(crate) calls: BTreeSet<usize>,
    /// Functions that it may call through the table.
    pub(crate) table_calls: BTreeSet<usize>,
}

/// Functions of a module by index, and those that the host can call.
#[derive(Debug)]
pub(crate) struct Functions {
    pub(crate) all: Vec<Function>,
    pub(crate) exported: Vec<usize>,
    /// Bytes of the shadow stack: it ends at address 0 and begins where `__stack_pointer`, the first global, says.
    pub(crate) shadow_stack: u32,
}

/// A call as it stands in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    Function(usize),
    /// Through the table, any function of this type.
    Type(u32),
}

/// Reads a module. `named` is the same module with the names of its functions.
///
/// # Errors
/// When it is no valid module, or uses what the compiler does not write today.
pub(crate) fn read(module: &[u8], named: &[u8]) -> Result<Functions, Error> {
    let names = names(named)?;
    let mut validator = Validator::new();
    let mut types: Vec<Option<FuncType>> = Vec::new();
    let mut type_of: Vec<u32> = Vec::new();
    let mut table = BTreeSet::new();
    let mut shadow_stack = 0;
    let mut exported = Vec::new();
    let mut imports: Vec<(String, u32)> = Vec::new();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            bodies.push((function, body));
        }
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for (_, sub) in group?.into_types_and_offsets() {
                        types.push(match sub.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let TypeRef::Func(kind) = import.ty {
                        imports.push((import.name.to_owned(), kind));
                    }
                }
            }
            Payload::FunctionSection(section) => {
                type_of = imports.iter().map(|(_, kind)| *kind).collect();
                for kind in section {
                    type_of.push(kind?);
                }
            }
            Payload::GlobalSection(section) => {
                if let Some(global) = section.into_iter().next()
                    && let Operator::I32Const { value } = global?.init_expr.get_operators_reader().read()?
                {
                    shadow_stack = u32::try_from(value)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        exported.push(export.index as usize);
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                table.insert(function? as usize);
                            }
                        }
                        ElementItems::Expressions(..) => {
                            return Err("a table of expressions is not supported".into());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let kind =
        |index: u32| types.get(index as usize).and_then(Option::as_ref).ok_or("a type is no function's");
    // the table holds functions of equal types under different numbers
    let of_type = |wanted: u32| -> Result<Vec<usize>, Error> {
        let wanted = kind(wanted)?;
        let fits = |&&function: &&usize| type_of.get(function).is_some_and(|own| kind(*own) == Ok(wanted));
        Ok(table.iter().filter(fits).copied().collect())
    };
    let mut all = Vec::new();
    for (name, own) in &imports {
        // a frame for the parameters, and two cells at least
        let cells = cells(kind(*own)?.params()).max(2);
        let frame = HEADER + CELL * cells;
        all.push(Function {
            name: format!("host's {name}"),
            frame,
            shadow_frame: 0,
            calls: BTreeSet::new(),
            table_calls: BTreeSet::new(),
        });
    }
    for (function, body) in bodies {
        let index = all.len();
        let own = kind(type_of.get(index).copied().ok_or("a function has no type")?)?;
        let walked = walk(function, &body, own)?;
        let name = names.get(&index).cloned().unwrap_or_else(|| format!("function {index}"));
        let may_call = |callee: &usize| names.get(callee).is_none_or(|callee| may_call(&name, callee));
        let (mut calls, mut table_calls) = (BTreeSet::new(), BTreeSet::new());
        for call in walked.calls {
            match call {
                Call::Function(callee) => {
                    calls.insert(callee);
                }
                Call::Type(kind) => table_calls.extend(of_type(kind)?.into_iter().filter(may_call)),
            }
        }
        all.push(Function {
            name,
            frame: walked.frame,
            shadow_frame: walked.shadow_frame,
            calls,
            table_calls,
        });
    }
    Ok(Functions { all, exported, shadow_stack })
}

/// Whether one function may call another one through the table, by what the names say. Types alone say too little: a
/// closure has the type of a text's `fmt`.
///
/// - A method `fmt` of a trait of `core::fmt` is called by `core::fmt` and by other methods `fmt`: this code has no
///   `dyn Display`, `dyn Debug` or `dyn Error` of its own.
/// - What a panic says is made by panics alone, and these end in a trap with or without an overflow.
fn may_call(caller: &str, callee: &str) -> bool {
    let is_in_core_fmt = |name: &str| {
        ["core::fmt", "alloc::fmt", "4core3fmt", "5alloc3fmt"].iter().any(|room| name.contains(room))
    };
    let is_fmt = callee.ends_with("::fmt") || callee.contains("Debug3fmt") || callee.contains("Display3fmt");
    let is_of_panics = callee.contains("PanicPayload");
    !(is_fmt && is_in_core_fmt(callee) && !is_in_core_fmt(caller) || is_of_panics)
}

/// Names of functions by index; none where the module has none.
fn names(module: &[u8]) -> Result<BTreeMap<usize, String>, Error> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload? else { continue };
        let KnownCustom::Name(parts) = section.as_known() else { continue };
        for part in parts {
            let Name::Function(functions) = part? else { continue };
            for naming in functions {
                let naming = naming?;
                names.insert(naming.index as usize, plain(naming.name));
            }
        }
    }
    Ok(names)
}

/// `_ZN4core3fmt5write17h0123456789abcdefE` -> `core::fmt::write`; any other name as it is.
fn plain(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("_ZN") else { return name.to_owned() };
    let mut parts = Vec::new();
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some((len, tail)) = rest.split_at_checked(digits) else { break };
        let Some((part, tail)) = len.parse().ok().and_then(|len: usize| tail.split_at_checked(len)) else {
            break;
        };
        parts.push(part);
        rest = tail;
    }
    parts.pop(); // the hash
    let name = parts.join("::");
    let codes = [("$LT$", "<"), ("$GT$", ">"), ("$u20$", " "), ("$RF$", "&"), ("$C$", ","), ("..", "::")];
    codes.iter().fold(name, |name, (code, text)| name.replace(code, text))
}

/// Cells of a value.
fn size(kind: ValType) -> u32 {
    match kind {
        ValType::I32 | ValType::F32 => 1,
        ValType::V128 => 4,
        ValType::I64 | ValType::F64 | ValType::Ref(_) => 2,
    }
}

fn cells(kinds: &[ValType]) -> u32 {
    kinds.iter().map(|kind| size(*kind)).sum()
}

/// An operand: its first cell, negative for a constant, and how many cells it takes.
#[derive(Debug, Clone, Copy)]
struct Operand {
    cell: i64,
    size: u32,
}

#[derive(Debug)]
struct Block {
    /// Operands below it.
    height: usize,
    /// First free cell of the dynamic space where it begins.
    dynamic: i64,
    results: Vec<u32>,
    is_if: bool,
    /// Nothing more is reached in it.
    is_dead: bool,
}

/// The loader's view of a function: where operands lie.
#[derive(Debug)]
struct Cells {
    /// Cells of parameters and locals; the dynamic space begins behind them.
    start: i64,
    dynamic: i64,
    most: i64,
    preserved: i64,
    operands: Vec<Operand>,
    blocks: Vec<Block>,
    /// Blocks that began where nothing is reached.
    dead_blocks: u32,
}

impl Cells {
    fn new(start: i64, preserved: i64, most: i64) -> Self {
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
    fn is_dead(&mut self, operator: &Operator<'_>) -> bool {
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

    fn push(&mut self, size: u32) {
        self.operands.push(Operand { cell: self.dynamic, size });
        self.dynamic += i64::from(size);
        self.most = self.most.max(self.dynamic);
    }

    /// The first cell of the dynamic space is not given back, as in the loader.
    fn pop(&mut self) {
        let Some(operand) = self.operands.pop() else { return };
        if operand.cell > self.start && operand.cell < self.most {
            self.dynamic -= i64::from(operand.size);
        }
    }

    /// Keeps the old value of a local that operands refer to; false where none does.
    fn preserve(&mut self, local: i64) -> bool {
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

    fn preserve_all(&mut self) {
        let locals = 0..self.start;
        while let Some(operand) = self.operands.iter().find(|operand| locals.contains(&operand.cell)) {
            self.preserve(operand.cell);
        }
    }

    fn open(&mut self, results: Vec<u32>, is_if: bool) {
        let block =
            Block { height: self.operands.len(), dynamic: self.dynamic, results, is_if, is_dead: false };
        self.blocks.push(block);
    }

    fn stop(&mut self) {
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

    fn turn(&mut self) {
        let Some(mut block) = self.blocks.pop() else { return };
        self.settle(&block);
        self.operands.truncate(block.height);
        self.dynamic = block.dynamic;
        block.is_if = false;
        block.is_dead = false;
        self.blocks.push(block);
    }

    fn close(&mut self) {
        if self.blocks.last().is_some_and(|block| block.is_if) {
            self.turn();
        }
        if let Some(block) = self.blocks.pop() {
            self.settle(&block);
        }
    }
}

/// What one function needs, before calls through the table are known.
#[derive(Debug)]
struct Walked {
    frame: u32,
    shadow_frame: u32,
    calls: BTreeSet<Call>,
}

fn walk(
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
                let is_if = matches!(operator, Operator::If { .. });
                if is_if {
                    cells.pop();
                }
                let results = match blockty {
                    BlockType::Empty => Vec::new(),
                    BlockType::Type(kind) => vec![size(kind)],
                    BlockType::FuncType(_) => {
                        return Err("a block that takes operands is not supported".into());
                    }
                };
                cells.preserve_all();
                cells.open(results, is_if);
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
            Operator::I32Const { value } => {
                self.constants.narrow.insert(value.cast_unsigned());
                cells.operands.push(Operand { cell: -1, size: 1 });
            }
            Operator::F32Const { value } => {
                self.constants.narrow.insert(value.bits());
                cells.operands.push(Operand { cell: -1, size: 1 });
            }
            Operator::I64Const { value } => {
                self.constants.wide.insert(value.cast_unsigned());
                cells.operands.push(Operand { cell: -1, size: 2 });
            }
            Operator::F64Const { value } => {
                self.constants.wide.insert(value.bits());
                cells.operands.push(Operand { cell: -1, size: 2 });
            }
            Operator::LocalGet { local_index } => {
                cells.operands.push(*self.locals.get(local_index as usize).ok_or("no such local")?);
            }
            Operator::LocalSet { local_index } => {
                let local = *self.locals.get(local_index as usize).ok_or("no such local")?;
                let preserved = cells.preserve(local.cell);
                if writes_its_result && !preserved && local.cell < 256 {
                    // the operation ahead writes to the local itself
                    cells.operands.pop();
                    cells.dynamic -= i64::from(local.size);
                } else {
                    cells.pop();
                }
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

#[cfg(test)]
mod tests {
    use super::may_call;

    #[test]
    fn only_formatting_calls_a_texts_fmt_through_the_table() {
        let display = "_<bank::Notice as core::fmt::Display>::fmt";
        let debug = "_RNvXs6_NtNtCsg_4core3fmt5floatdNtB7_5Debug3fmt";
        let write = "_RNvNtCsgXGp5Oqx2Ny_4core3fmt5write";
        for callee in [display, debug] {
            assert!(may_call(write, callee) && may_call(display, callee));
            assert!(!may_call("monitor::evaluate::say", callee));
        }
        assert!(may_call("monitor::evaluate::say", "core::ops::function::FnMut::call_mut"));
        assert!(may_call(
            "monitor::evaluate::say",
            "_RNvXsZ_5alloc6stringNtB5_6StringNtNtCsg_4core3fmt5Write9write_str"
        ));
        assert!(!may_call(
            "bank::open",
            "_RNvXs_3std9panicking13panic_handlerNtB4_19FormatStringPayloadNtNtCsg_4core5panic12PanicPayload8take_box"
        ));
    }
}
