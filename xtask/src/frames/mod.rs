//! Stack frames of a module's functions in WAMR's fast interpreter, and the calls that they make.
//!
//! The interpreter translates a function when it loads it (`wasm_loader_prepare_bytecode`): constants get cells of their
//! own, `local.get` and constants are operands in place and take none, any other result takes the next cells of
//! the "dynamic space", and a local that is set while the operand stack still refers to its old value is kept in cells
//! behind that space. The same walk is done here, so that frames come out byte for byte as in WAMR 1.3.3 (Fluent Bit 3.2)
//! and 2.4.1 (5.1). Code behind an `unreachable` or a branch is left out; LLVM writes none.

//!
//! | file | what it holds |
//! |---|---|
//! | `cells.rs` | where operands lie, as the loader sees it |
//! | `walk.rs` | one function, operator by operator: its frame and its calls |

mod cells;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    CompositeInnerType, ElementItems, ExternalKind, FuncToValidate, FuncType, FunctionBody, KnownCustom,
    Name, Operator, Parser, Payload, TypeRef, ValidPayload, Validator, ValidatorResources,
};

use cells::cells;
pub(crate) use walk::is_plain;
use walk::{CELL, Call, Error, HEADER, walk};

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

/// Reads a module. `named` is the same module with the names of its functions.
///
/// # Errors
/// When it is no valid module, or uses what the compiler does not write today.
pub(crate) fn read(module: &[u8], named: &[u8]) -> Result<Functions, Error> {
    let names = names(named)?;
    let Sections { types, type_of, table, shadow_stack, exported, imports, bodies } = sections(module)?;
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

/// What the sections of a module say of its functions, by their numbers.
#[derive(Default)]
struct Sections<'a> {
    /// `None`: a type that is no function's.
    types: Vec<Option<FuncType>>,
    /// Number of the type of each function, the imported ones first.
    type_of: Vec<u32>,
    /// Functions that are called through the table.
    table: BTreeSet<usize>,
    shadow_stack: u32,
    exported: Vec<usize>,
    /// Names and types.
    imports: Vec<(String, u32)>,
    bodies: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
}

fn sections(module: &[u8]) -> Result<Sections<'_>, Error> {
    let mut validator = Validator::new();
    let mut sections = Sections::default();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            sections.bodies.push((function, body));
        }
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for (_, sub) in group?.into_types_and_offsets() {
                        sections.types.push(match sub.composite_type.inner {
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
                        sections.imports.push((import.name.to_owned(), kind));
                    }
                }
            }
            Payload::FunctionSection(section) => {
                sections.type_of = sections.imports.iter().map(|(_, kind)| *kind).collect();
                for kind in section {
                    sections.type_of.push(kind?);
                }
            }
            Payload::GlobalSection(section) => {
                if let Some(global) = section.into_iter().next()
                    && let Operator::I32Const { value } = global?.init_expr.get_operators_reader().read()?
                {
                    sections.shadow_stack = u32::try_from(value)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        sections.exported.push(export.index as usize);
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                sections.table.insert(function? as usize);
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
    Ok(sections)
}

/// The traits of `core::fmt`.
const FORMATS: [&str; 9] =
    ["Debug", "Display", "LowerExp", "UpperExp", "LowerHex", "UpperHex", "Binary", "Octal", "Pointer"];

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
    let is_fmt =
        callee.ends_with("::fmt") || FORMATS.iter().any(|format| callee.contains(&format!("{format}3fmt")));
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

#[cfg(test)]
mod tests {
    use super::may_call;

    #[test]
    fn only_formatting_calls_a_texts_fmt_through_the_table() {
        let display = "_<bank::Notice as core::fmt::Display>::fmt";
        let debug = "_RNvXs6_NtNtCsg_4core3fmt5floatdNtB7_5Debug3fmt";
        let write = "_RNvNtCsgXGp5Oqx2Ny_4core3fmt5write";
        let exponent = "_RNvXs8_NtNtCsgXGp5Oqx2Ny_4core3fmt5floatdNtB7_8LowerExp3fmt";
        for callee in [display, debug, exponent] {
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
