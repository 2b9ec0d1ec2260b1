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
//! [`TURNS`](circles::TURNS) times, and the circles are listed. The large one is `core::fmt`, whose functions have one type: there a chain
//! meets functions that the text at hand does not hold. What reads text from users must not call itself.

//!
//! | file | what it holds |
//! |---|---|
//! | `chain.rs` | the two stacks, and the longest chain of calls on each |
//! | `circles.rs` | functions that call one another |

mod chain;
mod circles;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::{Outcome, WASM, frames, root};
use chain::{Chain, Stack};
use circles::Circles;

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
    use super::chain::ENTRY;
    use super::circles::TURNS;
    use super::*;
    use crate::frames::Functions;
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
