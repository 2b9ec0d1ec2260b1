//! The same module in fewer interpreted operations.
//!
//! Fluent Bit runs the filter in an interpreter that translates each function when it loads it: a `local.get`, a
//! constant or the head of a block costs nothing at run time, and an arithmetic operation writes straight to the
//! local of a `local.set` behind it. All else is one dispatch an instruction. LLVM does not know that machine, so habits of it are
//! mended here, each in a file of its own:
//!
//! | written by LLVM | becomes | saved |
//! |---|---|---|
//! | `local.tee x` | `local.set x; local.get x` | 1 |
//! | `i32.eqz; br_if l` | a block around the condition, `br_if 0; br l + 1` | 1 where it falls through |
//! | `x < c ? c : x` | `f64.max x, c` | 2 |
//! | a call of `compare::larger` | `f64.max` | a call |
//!
//! What the module computes stays the same, bit for bit.

mod bound;
mod calls;
mod invert;
mod lines;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use calls::Calls;
use lines::Lines;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Instruction, Module};
use wasmparser::{CustomSectionReader, FunctionBody, KnownCustom, Operator, Parser};

/// The module, rewritten, without the names of its functions.
///
/// # Errors
/// When the bytes are no WASM module.
pub(crate) fn rewrite(module: &[u8]) -> Result<Vec<u8>, reencode::Error<Infallible>> {
    let mut out = Module::new();
    Rewrite { calls: Calls::read(module) }.parse_core_module(&mut out, Parser::new(0), module)?;
    Ok(out.finish())
}

struct Rewrite {
    calls: Calls,
}

impl Reencode for Rewrite {
    type Error = Infallible;

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error<Infallible>> {
        if matches!(section.as_known(), KnownCustom::Name(_)) {
            return Ok(());
        }
        reencode::utils::parse_custom_section(self, module, section)
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        let mut lines = Lines::default();
        while !operators.eof() {
            match operators.read()? {
                Operator::LocalTee { local_index } => {
                    lines.push(Operator::LocalSet { local_index });
                    lines.push(Operator::LocalGet { local_index });
                }
                Operator::BrIf { relative_depth } if invert::branch(&mut lines, relative_depth) => {}
                Operator::Select if bound::select(&mut lines) => {}
                Operator::Call { function_index } => {
                    lines.push(self.calls.operator(function_index));
                }
                other => lines.push(other),
            }
        }
        for (blocks, operator) in lines.finish() {
            for _ in 0..blocks {
                function.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
            }
            if let Some(operator) = operator {
                function.instruction(&self.instruction(operator)?);
            }
        }
        code.function(&function);
        Ok(())
    }
}
