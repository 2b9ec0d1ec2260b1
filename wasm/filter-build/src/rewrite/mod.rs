//! A module that means the same, in fewer operations of the interpreter that Fluent Bit has.
//!
//! What counts there is how many operations are dispatched, and some of WASM's cost nothing: `local.get`, constants,
//! `block` and `end`, and a `local.set` behind an operation, which then writes straight to the local. LLVM knows
//! none of this. Two rewritings take a seventh of the operations of a record away:
//!
//! | file | before | after |
//! |---|---|---|
//! | here | `local.tee x` | `local.set x`, `local.get x` |
//! | `unless` | `i32.eqz`, `br_if 0`, the rest of a block | `if`, the rest of the block, `end` |

mod unless;

use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Instruction, Module};
use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Validator};

use unless::Frames;

/// Why a module was not rewritten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RewriteError {
    /// It is no WASM module.
    #[error("it cannot be read: {0}")]
    Unreadable(reencode::Error<Infallible>),
    /// LLVM made code of a form that the rewriting does not expect.
    #[error("what became of it is no valid module: {0}")]
    Invalid(#[from] BinaryReaderError),
}

/// The same module in fewer interpreted operations.
///
/// # Errors
/// [`RewriteError`] says why not.
pub(crate) fn rewrite(module: &[u8]) -> Result<Vec<u8>, RewriteError> {
    let mut out = Module::new();
    Rewriter.parse_core_module(&mut out, Parser::new(0), module).map_err(RewriteError::Unreadable)?;
    let out = out.finish();
    Validator::new().validate_all(&out)?;
    Ok(out)
}

struct Rewriter;

impl Reencode for Rewriter {
    type Error = Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut frames = Frames::default();
        let mut rest = &operators[..];
        while let Some((operator, behind)) = rest.split_first() {
            rest = behind;
            if let (Operator::I32Eqz, [Operator::BrIf { relative_depth: 0 }, behind @ ..]) = (operator, rest)
                && frames.open_unless()
            {
                function.instruction(&unless::IF);
                rest = behind;
            } else if let Operator::LocalTee { local_index } = *operator {
                function.instruction(&Instruction::LocalSet(local_index));
                function.instruction(&Instruction::LocalGet(local_index));
            } else {
                for _ in 0..frames.ends_ahead_of(operator) {
                    function.instruction(&Instruction::End);
                }
                function.instruction(&frames.deepen(self.instruction(operator.clone())?));
            }
        }
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    /// A module of one function with one `i32` parameter, from the code of its body.
    fn module(results: &[u8], body: &[u8]) -> Vec<u8> {
        let mut types = vec![1, 0x60, 1, 0x7f, results.len() as u8];
        types.extend(results);
        let mut code = vec![1, body.len() as u8 + 1, 0];
        code.extend(body);
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in [(1, &types[..]), (3, &[1, 0]), (10, &code)] {
            bytes.extend([id, content.len() as u8]);
            bytes.extend(content);
        }
        bytes
    }

    const I32: &[u8] = &[0x7f];
    const GET: u8 = 0x20;
    const SET: u8 = 0x21;
    const TEE: u8 = 0x22;
    const EQZ: u8 = 0x45;
    const BLOCK: u8 = 0x02;
    const LOOP: u8 = 0x03;
    const IF: u8 = 0x04;
    const ELSE: u8 = 0x05;
    const BR: u8 = 0x0c;
    const BR_IF: u8 = 0x0d;
    const NOP: u8 = 0x01;
    const END: u8 = 0x0b;
    const EMPTY: u8 = 0x40;

    #[test]
    fn a_tee_becomes_a_set_and_a_get() {
        let before = module(I32, &[GET, 0, TEE, 0, END]);
        let after = module(I32, &[GET, 0, SET, 0, GET, 0, END]);
        assert_eq!(rewrite(&before).unwrap(), after);
        assert_eq!(rewrite(&after).unwrap(), after);
    }

    #[test]
    fn a_branch_on_zero_to_the_end_of_its_block_becomes_an_if() {
        let before = module(&[], &[BLOCK, EMPTY, GET, 0, EQZ, BR_IF, 0, NOP, END, END]);
        let after = module(&[], &[BLOCK, EMPTY, GET, 0, IF, EMPTY, NOP, END, END, END]);
        assert_eq!(rewrite(&before).unwrap(), after);
    }

    #[test]
    fn branches_from_inside_of_the_new_if_go_where_they_went() {
        let inner = [BLOCK, EMPTY, BR, 0, BR, 1, END];
        let before = [&[BLOCK, EMPTY, GET, 0, EQZ, BR_IF, 0][..], &inner, &[BR, 0, BR, 1, END, END]].concat();
        let deeper = [BLOCK, EMPTY, BR, 0, BR, 2, END];
        let after = [&[BLOCK, EMPTY, GET, 0, IF, EMPTY][..], &deeper, &[BR, 1, BR, 2, END, END, END]].concat();
        assert_eq!(rewrite(&module(&[], &before)).unwrap(), module(&[], &after));
    }

    #[test]
    fn an_else_closes_the_new_if() {
        let before = [GET, 0, IF, EMPTY, GET, 0, EQZ, BR_IF, 0, NOP, ELSE, BR, 0, END, END];
        let after = [GET, 0, IF, EMPTY, GET, 0, IF, EMPTY, NOP, END, ELSE, BR, 0, END, END];
        assert_eq!(rewrite(&module(&[], &before)).unwrap(), module(&[], &after));
    }

    #[test]
    fn branches_to_the_start_of_a_loop_and_out_of_a_function_stay() {
        for body in [
            &[LOOP, EMPTY, GET, 0, EQZ, BR_IF, 0, END, END][..],
            &[GET, 0, EQZ, BR_IF, 0, END],
            &[BLOCK, EMPTY, LOOP, EMPTY, GET, 0, EQZ, BR_IF, 1, END, END, END],
        ] {
            assert_eq!(rewrite(&module(&[], body)).unwrap(), module(&[], body));
        }
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(rewrite(b"\x7fELF").is_err());
        let whole = module(I32, &[GET, 0, END]);
        assert!(rewrite(&whole[..whole.len() - 2]).is_err());
    }
}
