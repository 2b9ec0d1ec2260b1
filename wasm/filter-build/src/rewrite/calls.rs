//! Calls of the library's `compare::larger` and `compare::smaller` become `f64.max` and `f64.min`.
//!
//! The library uses them for numbers for which they agree, bit for bit; see there.

use std::collections::BTreeMap;
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload};

/// Which functions are replaced.
#[derive(Debug, Default)]
pub(super) struct Calls(BTreeMap<u32, Replacement>);

#[derive(Debug, Clone, Copy)]
enum Replacement {
    Max,
    Min,
}

impl Calls {
    /// Reads the names of a module; without names nothing is replaced.
    pub(super) fn read(module: &[u8]) -> Self {
        let mut calls = Self::default();
        for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
            let Payload::CustomSection(section) = payload else { continue };
            let KnownCustom::Name(names) = section.as_known() else { continue };
            for name in names.map_while(Result::ok) {
                let Name::Function(functions) = name else { continue };
                let named = functions.into_iter().map_while(Result::ok);
                calls.0.extend(named.filter_map(|naming| Some((naming.index, replacement(naming.name)?))));
            }
        }
        calls
    }

    /// The operation in place of a call, or the call.
    pub(super) fn operator<'a>(&self, function_index: u32) -> Operator<'a> {
        match self.0.get(&function_index) {
            Some(Replacement::Max) => Operator::F64Max,
            Some(Replacement::Min) => Operator::F64Min,
            None => Operator::Call { function_index },
        }
    }
}

/// By the mangled name, whatever the hash behind it.
fn replacement(name: &str) -> Option<Replacement> {
    const MODULE: &str = "14fluent_anomaly8detector4band7compare";
    let (_, rest) = name.split_once(MODULE)?;
    match rest {
        _ if rest.starts_with("6larger17h") => Some(Replacement::Max),
        _ if rest.starts_with("7smaller17h") => Some(Replacement::Min),
        _ => None,
    }
}
