//! The two stacks of a filter, and the longest chain of calls on each.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::circles::{Circles, TURNS};
use crate::frames::{Function, Functions};

/// What a host gives by default, bytes: `wasm_stack_size` of Fluent Bit.
pub(super) const LIMIT: u32 = 8192;
/// Threads that WAMR makes room for in the shadow stack, besides the filter: `CLUSTER_MAX_THREAD_NUM`.
const THREADS: u32 = 4;
/// The host's own frame ahead of a call, with two cells for the result, bytes.
pub(super) const ENTRY: u32 = 48;

/// One of the two stacks of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
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
pub(super) struct Chain {
    stack: Stack,
    /// Bytes of stack that suffice.
    pub(super) bytes: u32,
    limit: u32,
    functions: Vec<usize>,
}

impl Chain {
    pub(super) fn longest(stack: Stack, functions: &Functions, circles: &Circles) -> Self {
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

    pub(super) fn overflows(&self) -> bool {
        self.bytes > self.limit
    }

    /// In lines: bytes in use, the frame, the function.
    pub(super) fn text(&self, functions: &Functions) -> String {
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
