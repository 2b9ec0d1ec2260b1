//! `cargo xtask stack [MODULE]`: how much stack the module takes at most.
//!
//! A filter has two stacks. The host gives it 8 KiB for the interpreter's frames (`wasm_stack_size`). The compiler's own
//! stack, the shadow stack, lies in linear memory; Fluent Bit's WAMR is built with threads and leaves the filter a fifth
//! of it. A call that does not find room is a trap: the record is lost.
//!
//! Each bound is that of the longest chain of calls from anything that the host can call, over the frames of
//! `frames.rs`. A call through the table may reach every function of its type. Calls that do not return, those of
//! panics, are left out: they end in a trap with or without an overflow.
//!
//! Where functions call one another in a circle the binary does not say how often. A chain goes around each circle
//! [`TURNS`] times, and the circles are listed. The large one is `core::fmt`, whose functions have one type: there a chain
//! meets functions that the text at hand does not hold. What reads text from users must not call itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::frames::{self, Function, Functions};
use crate::{Outcome, WASM, root};

/// What a host gives by default, bytes: `wasm_stack_size` of Fluent Bit.
pub(crate) const LIMIT: u32 = 8192;
/// Threads that WAMR makes room for in the shadow stack, besides the filter: `CLUSTER_MAX_THREAD_NUM`.
const THREADS: u32 = 4;
/// Times that a chain of calls goes around a circle.
const TURNS: u32 = 1;
/// The host's own frame ahead of a call, with two cells for the result, bytes.
const ENTRY: u32 = 48;

/// One of the two stacks of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Interpreter,
    Shadow,
}

impl Stack {
    fn frame(self, function: &Function) -> u32 {
        match self {
            Self::Interpreter => function.frame,
            Self::Shadow => function.shadow_frame,
        }
    }

    /// Bytes behind a frame that the host wants free.
    fn margin(self, function: &Function) -> u32 {
        match self {
            Self::Interpreter => function.frame,
            Self::Shadow => 0,
        }
    }

    fn entry(self) -> u32 {
        match self {
            Self::Interpreter => ENTRY,
            Self::Shadow => 0,
        }
    }

    /// Bytes that there are.
    fn limit(self, functions: &Functions) -> u32 {
        match self {
            Self::Interpreter => LIMIT,
            Self::Shadow => (functions.shadow_stack / (THREADS + 1)) & !15,
        }
    }
}

/// The longest chain of calls on one stack.
#[derive(Debug)]
pub(crate) struct Chain {
    stack: Stack,
    /// Bytes of stack that suffice.
    pub(crate) bytes: u32,
    limit: u32,
    functions: Vec<usize>,
}

impl Chain {
    pub(crate) fn longest(stack: Stack, functions: &Functions, circles: &Circles) -> Self {
        let mut search = Search { stack, functions: &functions.all, circles, known: BTreeMap::new() };
        let deepest = functions.exported.iter().map(|&at| (search.need(at, 0), at)).max();
        let mut chain = Vec::new();
        let mut next = deepest.map(|(_, at)| (at, 0));
        while let Some(place) = next {
            chain.push(place.0);
            next = search.known.get(&place).and_then(|known| known.next);
        }
        let bytes = stack.entry() + deepest.map_or(0, |(bytes, _)| bytes);
        Self { stack, bytes, limit: stack.limit(functions), functions: chain }
    }

    fn overflows(&self) -> bool {
        self.bytes > self.limit
    }

    /// In lines: bytes in use, the frame, the function.
    fn text(&self, functions: &Functions) -> String {
        let name = match self.stack {
            Stack::Interpreter => "the interpreter's stack",
            Stack::Shadow => "the shadow stack",
        };
        let mut text = format!(
            "{} of {} bytes of {name} suffice; the longest chain of calls:\n",
            self.bytes, self.limit
        );
        let mut used = self.stack.entry();
        for function in self.functions.iter().filter_map(|&at| functions.all.get(at)) {
            let frame = self.stack.frame(function);
            used += frame;
            if frame > 0 {
                let _ = writeln!(text, "{used:6} {frame:+6} {}", function.name);
            }
        }
        if used < self.bytes {
            let _ = writeln!(
                text,
                "{:6} {:+6} free behind it, which the host asks for",
                self.bytes,
                self.bytes - used
            );
        }
        text
    }
}

/// Functions that call one another.
#[derive(Debug)]
pub(crate) struct Circles {
    all: Vec<Vec<usize>>,
    /// For each function in a circle, which; two functions with the same number are in the same.
    of: BTreeMap<usize, usize>,
    /// Calls that close a circle: with each of them a turn begins.
    closing: BTreeSet<(usize, usize)>,
}

impl Circles {
    fn find(functions: &[Function]) -> Self {
        let every = |at: usize| -> Vec<usize> {
            functions.get(at).map_or(Vec::new(), |one| one.calls.union(&one.table_calls).copied().collect())
        };
        let all: Vec<Vec<usize>> = Components::of(functions.len(), every)
            .into_iter()
            .filter(|part| part.len() > 1 || part.iter().any(|&at| every(at).contains(&at)))
            .collect();
        let mut of = BTreeMap::new();
        for (number, circle) in all.iter().enumerate() {
            of.extend(circle.iter().map(|&at| (at, number)));
        }
        let mut closing = BTreeSet::new();
        // calls through the table first: texts within texts; then what is left
        for (&at, circle) in &of {
            let Some(function) = functions.get(at) else { continue };
            let within = function.table_calls.iter().filter(|callee| of.get(callee) == Some(circle));
            closing.extend(within.map(|&callee| (at, callee)));
        }
        let mut state = BTreeMap::new();
        for &at in of.keys() {
            close(at, functions, &of, &mut state, &mut closing);
        }
        Self { all, of, closing }
    }

    fn text(&self, functions: &Functions) -> String {
        let mut text = String::new();
        for circle in &self.all {
            let functions: Vec<&Function> = circle.iter().filter_map(|&at| functions.all.get(at)).collect();
            let frames: u32 = functions.iter().map(|function| function.frame).sum();
            let names: Vec<&str> = functions.iter().take(4).map(|function| function.name.as_str()).collect();
            let more = if functions.len() > names.len() { ", ..." } else { "" };
            let _ = writeln!(
                text,
                "circle of {} functions, counted {TURNS} time, {frames} bytes in all: {}{more}",
                functions.len(),
                names.join(", ")
            );
        }
        text
    }
}

/// Walks calls by name within a circle and notes those that lead back to a function that is under way.
fn close(
    at: usize,
    functions: &[Function],
    of: &BTreeMap<usize, usize>,
    under_way: &mut BTreeMap<usize, bool>,
    closing: &mut BTreeSet<(usize, usize)>,
) {
    if under_way.contains_key(&at) {
        return;
    }
    under_way.insert(at, true);
    let Some(function) = functions.get(at) else { return };
    for &callee in function.calls.iter().filter(|callee| of.get(callee) == of.get(&at)) {
        if under_way.get(&callee) == Some(&true) {
            closing.insert((at, callee));
        } else {
            close(callee, functions, of, under_way, closing);
        }
    }
    under_way.insert(at, false);
}

/// Strongly connected components (Tarjan 1972).
struct Components<F> {
    calls: F,
    number: Vec<Option<usize>>,
    low: Vec<usize>,
    open: Vec<usize>,
    count: usize,
    found: Vec<Vec<usize>>,
}

impl<F: Fn(usize) -> Vec<usize>> Components<F> {
    fn of(functions: usize, calls: F) -> Vec<Vec<usize>> {
        let mut search = Self {
            calls,
            number: vec![None; functions],
            low: vec![usize::MAX; functions],
            open: Vec::new(),
            count: 0,
            found: Vec::new(),
        };
        for at in 0..functions {
            search.visit(at);
        }
        search.found
    }

    /// The lowest number that can be reached.
    fn visit(&mut self, at: usize) -> usize {
        if let Some(Some(_)) = self.number.get(at) {
            return self.low.get(at).copied().unwrap_or(usize::MAX);
        }
        let own = self.count;
        self.count += 1;
        self.set(at, own);
        if let Some(number) = self.number.get_mut(at) {
            *number = Some(own);
        }
        self.open.push(at);
        let mut low = own;
        for callee in (self.calls)(at) {
            low = low.min(self.visit(callee));
            self.set(at, low);
        }
        if low == own
            && let Some(begin) = self.open.iter().position(|&open| open == at)
        {
            let part = self.open.split_off(begin);
            for &done in &part {
                self.set(done, usize::MAX); // belongs to none that is open
            }
            self.found.push(part);
            return usize::MAX;
        }
        low
    }

    fn set(&mut self, at: usize, low: usize) {
        if let Some(place) = self.low.get_mut(at) {
            *place = low;
        }
    }
}

/// A function, and how many turns its circle has behind it.
type Place = (usize, u32);

#[derive(Debug, Clone, Copy)]
struct Known {
    need: u32,
    next: Option<Place>,
}

struct Search<'a> {
    stack: Stack,
    functions: &'a [Function],
    circles: &'a Circles,
    known: BTreeMap<Place, Known>,
}

impl Search<'_> {
    /// Bytes that suffice for a call of the function.
    fn need(&mut self, at: usize, turns: u32) -> u32 {
        if let Some(known) = self.known.get(&(at, turns)) {
            return known.need;
        }
        let Some(function) = self.functions.get(at) else { return 0 };
        let frame = self.stack.frame(function);
        let mut known = Known { need: frame + self.stack.margin(function), next: None };
        for &callee in function.calls.union(&function.table_calls) {
            let own = self.circles.of.get(&at);
            let is_within = own.is_some() && own == self.circles.of.get(&callee);
            let closes = self.circles.closing.contains(&(at, callee));
            let turns = if is_within { turns + u32::from(closes) } else { 0 };
            if turns > TURNS {
                continue;
            }
            let need = frame + self.need(callee, turns);
            if need > known.need {
                known = Known { need, next: Some((callee, turns)) };
            }
        }
        self.known.insert((at, turns), known);
        known.need
    }
}

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let built = root().join("target").join(WASM).join("release");
    let module = arguments.first().map_or_else(|| built.join("anomaly_filter.wasm"), PathBuf::from);
    // the module itself has no names; the linker's output has, and the same functions
    let named = if arguments.is_empty() { built.join("deps/anomaly_filter.wasm") } else { module.clone() };
    print!("{}", check(&fs::read(module)?, &fs::read(named)?)?);
    Ok(())
}

/// Checks a module, and says on which chains of calls the bounds rest.
///
/// # Errors
/// When it is no module, or may take more stack than it gets.
pub(crate) fn check(module: &[u8], named: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let functions = frames::read(module, named)?;
    let circles = Circles::find(&functions.all);
    let chains = [Stack::Interpreter, Stack::Shadow].map(|stack| Chain::longest(stack, &functions, &circles));
    let long: Vec<String> =
        chains.iter().filter(|chain| chain.overflows()).map(|chain| chain.text(&functions)).collect();
    if !long.is_empty() {
        return Err(format!("the module may overflow a stack in its host\n{}", long.join("\n")).into());
    }
    Ok(chains.iter().map(|chain| chain.text(&functions)).collect::<String>() + &circles.text(&functions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection, FunctionSection,
        GlobalSection, GlobalType, Instruction, Module, RefType, TableSection, TableType, TypeSection,
        ValType,
    };

    use Instruction::{Call, CallIndirect, Drop, I32Add, I32Const, LocalGet, LocalSet, Unreachable};

    /// A module of functions `(i32) -> i32` with so many locals of 64 bits; the first is exported, the last is in the
    /// table. It has 100 KiB of shadow stack.
    fn module(functions: &[(u32, &[Instruction<'_>])]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        let (mut kinds, mut code) = (FunctionSection::new(), CodeSection::new());
        for (locals, body) in functions {
            kinds.function(0);
            let mut function = wasm_encoder::Function::new([(*locals, ValType::I64)]);
            for instruction in *body {
                function.instruction(instruction);
            }
            function.instruction(&Instruction::End);
            code.function(&function);
        }
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: 1,
            maximum: None,
            shared: false,
        });
        let mut globals = GlobalSection::new();
        let kind = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(kind, &ConstExpr::i32_const(102_400));
        let mut exports = ExportSection::new();
        exports.export("first", ExportKind::Func, 0);
        let mut elements = ElementSection::new();
        let last = functions.len() as u32 - 1;
        elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(vec![last].into()));
        let mut module = Module::new();
        module
            .section(&types)
            .section(&kinds)
            .section(&tables)
            .section(&globals)
            .section(&exports)
            .section(&elements)
            .section(&code);
        module.finish()
    }

    fn bytes(functions: &[(u32, &[Instruction<'_>])]) -> u32 {
        let module = module(functions);
        chain(&frames::read(&module, &module).unwrap()).bytes
    }

    fn chain(functions: &Functions) -> Chain {
        Chain::longest(Stack::Interpreter, functions, &Circles::find(&functions.all))
    }

    /// 40 bytes ahead of the cells; a cell each for the parameter, the constant and the sum, and one that is spare.
    const LEAF: &[Instruction<'_>] = &[LocalGet(0), I32Const(7), I32Add];
    const LEAF_FRAME: u32 = 40 + 4 * 4;

    #[test]
    fn a_frame_holds_parameters_locals_constants_and_results_that_wait() {
        // the host wants the frame twice
        assert_eq!(bytes(&[(0, LEAF)]), ENTRY + 2 * LEAF_FRAME);
        assert_eq!(bytes(&[(10, LEAF)]), ENTRY + 2 * (LEAF_FRAME + 80));
        // a value of the local that is still wanted when the local is set is kept in a cell of its own
        let kept = [LocalGet(0), I32Const(7), LocalSet(0), LocalGet(0), I32Add];
        assert_eq!(bytes(&[(0, &kept)]), ENTRY + 2 * (LEAF_FRAME + 4));
    }

    #[test]
    fn frames_add_up_along_calls_by_name_and_through_the_table() {
        let call: &[Instruction<'_>] = &[LocalGet(0), Call(1)];
        let call_frame = 40 + 4 * 3;
        assert_eq!(bytes(&[(0, call), (0, LEAF)]), ENTRY + call_frame + 2 * LEAF_FRAME);
        let table: &[Instruction<'_>] =
            &[LocalGet(0), I32Const(0), CallIndirect { type_index: 0, table_index: 0 }];
        assert_eq!(bytes(&[(0, table), (0, LEAF)]), ENTRY + call_frame + 4 + 2 * LEAF_FRAME);
    }

    #[test]
    fn calls_that_do_not_return_are_left_out() {
        let panics: &[Instruction<'_>] = &[LocalGet(0), Call(1), Drop, Unreachable];
        let fails: &[Instruction<'_>] = &[LocalGet(0), Call(1), Unreachable];
        assert!(bytes(&[(0, fails), (500, LEAF)]) < 200);
        assert!(bytes(&[(0, panics), (500, LEAF)]) > 4000);
    }

    #[test]
    fn a_circle_is_gone_around_a_few_times_and_reported() {
        let circle = module(&[(0, &[LocalGet(0), Call(0)])]);
        let functions = frames::read(&circle, &circle).unwrap();
        let frame = 40 + 4 * 3;
        assert_eq!(chain(&functions).bytes, ENTRY + (TURNS + 2) * frame);
        assert!(check(&circle, &circle).unwrap().contains("circle of 1 functions"));
    }

    #[test]
    fn a_module_beyond_the_limit_is_an_error_that_names_the_chain_of_calls() {
        let large = module(&[(600, LEAF)]);
        let message = check(&large, &large).unwrap_err().to_string();
        assert!(message.contains("9760 of 8192 bytes"), "{message}");
        assert!(message.contains("function 0"), "{message}");
        let small = module(&[(0, LEAF)]);
        assert!(check(&small, &small).unwrap().starts_with("160 of 8192 bytes"));
    }

    #[test]
    fn the_shadow_stack_has_a_bound_of_its_own() {
        let take = |bytes| vec![Instruction::GlobalGet(0), I32Const(bytes), Instruction::I32Sub, Call(1)];
        let module = |bytes| {
            module(&[
                (0, &take(bytes)),
                (0, &[Instruction::GlobalGet(0), I32Const(480), Instruction::I32Sub]),
            ])
        };
        // a fifth of 100 KiB
        let fits = module(20_000);
        assert!(check(&fits, &fits).unwrap().contains("20480 of 20480 bytes of the shadow stack"));
        let large = module(20_016);
        assert!(check(&large, &large).unwrap_err().to_string().contains("20496 of 20480 bytes"));
    }
}
