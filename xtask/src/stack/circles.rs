//! Functions that call one another, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::frames::{Function, Functions};

/// Times that a chain of calls goes around a circle.
pub(super) const TURNS: u32 = 1;
/// Functions that call one another.
#[derive(Debug)]
pub(super) struct Circles {
    all: Vec<Vec<usize>>,
    /// For each function in a circle, which; two functions with the same number are in the same.
    pub(super) of: BTreeMap<usize, usize>,
    /// Calls that close a circle: with each of them a turn begins.
    pub(super) closing: BTreeSet<(usize, usize)>,
}

impl Circles {
    pub(super) fn find(functions: &[Function]) -> Self {
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

    pub(super) fn text(&self, functions: &Functions) -> String {
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
