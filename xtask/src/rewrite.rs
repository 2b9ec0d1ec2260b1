//! The same module in fewer interpreted operations: `local.tee x` becomes `local.set x; local.get x`.
//!
//! Fluent Bit runs the filter in an interpreter that translates each function when it loads it. There a `local.get`
//! costs nothing at run time, and an operation writes its result straight to the local of a `local.set` behind it,
//! but not to that of a `local.tee`, which is an operation of its own. LLVM writes `local.tee` wherever it can, because it
//! is shorter. It stays behind calls and whatever else cannot write to a local. The module computes the same, bit for bit.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Instruction, Module};
use wasmparser::{CustomSectionReader, FunctionBody, KnownCustom, Operator, Parser};

use crate::frames::is_plain;

/// Why a module was not rewritten.
#[derive(Debug)]
pub(crate) enum RewriteError {
    /// The bytes are no WASM module.
    NoModule(reencode::Error),
    /// The module has no `local.tee`: it was rewritten before, or the compiler does without and this file can go.
    NothingToReplace,
}

impl Display for RewriteError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModule(error) => write!(f, "the module cannot be read: {error}"),
            Self::NothingToReplace => f.write_str(
                "the module has no `local.tee` to replace: it was rewritten before, or the compiler no longer writes \
                 any, and xtask/src/rewrite.rs can go",
            ),
        }
    }
}

impl Error for RewriteError {}

/// The module, rewritten, without the names of its functions.
///
/// # Errors
/// When the bytes are no WASM module, or hold nothing to replace.
pub(crate) fn rewrite(module: &[u8]) -> Result<Vec<u8>, RewriteError> {
    let mut out = Module::new();
    let mut rewrite = Rewrite { replaced: 0 };
    rewrite.parse_core_module(&mut out, Parser::new(0), module).map_err(RewriteError::NoModule)?;
    if rewrite.replaced == 0 {
        return Err(RewriteError::NothingToReplace);
    }
    Ok(out.finish())
}

struct Rewrite {
    replaced: usize,
}

impl Reencode for Rewrite {
    type Error = std::convert::Infallible;

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        if matches!(section.as_known(), KnownCustom::Name(_)) {
            return Ok(());
        }
        reencode::utils::parse_custom_section(self, module, section)
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        let mut writes_its_result = false;
        while !operators.eof() {
            let operator = operators.read()?;
            let wrote = std::mem::replace(&mut writes_its_result, is_plain(&operator));
            match operator {
                Operator::LocalTee { local_index } if wrote => {
                    self.replaced += 1;
                    function.instruction(&Instruction::LocalSet(local_index));
                    function.instruction(&Instruction::LocalGet(local_index));
                }
                other => {
                    function.instruction(&self.instruction(other)?);
                }
            }
        }
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{FunctionSection, NameMap, NameSection, TypeSection, ValType};

    /// A module with one function of a number, with a local behind it.
    fn module(body: &[Instruction<'_>], name: Option<&str>) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut function = wasm_encoder::Function::new([(1, ValType::I32)]);
        for instruction in body {
            function.instruction(instruction);
        }
        function.instruction(&Instruction::End);
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        if let Some(name) = name {
            let mut map = NameMap::new();
            map.append(0, name);
            let mut section = NameSection::new();
            section.functions(&map);
            module.section(&section);
        }
        module.finish()
    }

    use Instruction::{I32Add, I32Const, LocalGet, LocalSet, LocalTee};

    #[test]
    fn a_tee_behind_what_writes_to_no_local_stays() {
        let body = [LocalGet(0), LocalTee(1), LocalGet(1), I32Add, LocalTee(1)];
        let after = [LocalGet(0), LocalTee(1), LocalGet(1), I32Add, LocalSet(1), LocalGet(1)];
        assert_eq!(rewrite(&module(&body, None)).unwrap(), module(&after, None));
    }

    #[test]
    fn a_tee_becomes_a_set_and_a_get_and_names_are_dropped() {
        let before = [LocalGet(0), I32Const(7), I32Add, LocalTee(1), LocalGet(1), I32Add];
        let after = [LocalGet(0), I32Const(7), I32Add, LocalSet(1), LocalGet(1), LocalGet(1), I32Add];
        assert_eq!(rewrite(&module(&before, Some("add"))).unwrap(), module(&after, None));
    }

    #[test]
    fn a_module_without_anything_to_replace_is_an_error() {
        let once = rewrite(&module(&[LocalGet(0), LocalGet(0), I32Add, LocalTee(0)], None)).unwrap();
        assert!(matches!(rewrite(&once), Err(RewriteError::NothingToReplace)));
    }

    #[test]
    fn bytes_that_are_no_module_are_refused() {
        let module = module(&[LocalGet(0), LocalGet(0), I32Add, LocalTee(0)], None);
        for bytes in [&b"\x7fELF"[..], &module[..module.len() - 3]] {
            assert!(matches!(rewrite(bytes), Err(RewriteError::NoModule(_))));
        }
    }
}
