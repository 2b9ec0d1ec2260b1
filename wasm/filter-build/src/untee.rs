//! `local.tee x` becomes `local.set x; local.get x`, which means the same.
//!
//! Fluent Bit runs the filter in an interpreter that reads locals in place, so a `local.get` costs nothing, and that
//! lets an operation write straight to the local of a `local.set` behind it. A `local.tee` is an operation of its
//! own. LLVM writes hundreds of them; without them a record takes an eighth fewer interpreted operations.

use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Instruction, Module};
use wasmparser::{FunctionBody, Operator, Parser};

/// The same module without `local.tee`; all else stays as it is.
///
/// # Errors
/// When the bytes are no WASM module.
pub(crate) fn untee(module: &[u8]) -> Result<Vec<u8>, reencode::Error<Infallible>> {
    let mut out = Module::new();
    Untee.parse_core_module(&mut out, Parser::new(0), module)?;
    Ok(out.finish())
}

struct Untee;

impl Reencode for Untee {
    type Error = Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::LocalTee { local_index } => {
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
    use super::untee;

    /// `(module (func (param i32) (result i32) local.get 0 local.tee 0))`
    const TEE: &[u8] =
        b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x0a\x08\x01\x06\0\x20\0\x22\0\x0b";
    /// The same with `local.set 0 local.get 0`.
    const SET_GET: &[u8] =
        b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x0a\x0a\x01\x08\0\x20\0\x21\0\x20\0\x0b";

    #[test]
    fn a_tee_becomes_a_set_and_a_get() {
        assert_eq!(untee(TEE).unwrap(), SET_GET);
    }

    #[test]
    fn a_module_without_tees_stays_as_it_is() {
        assert_eq!(untee(SET_GET).unwrap(), SET_GET);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(untee(b"\x7fELF").is_err());
        assert!(untee(&TEE[..20]).is_err());
    }
}
