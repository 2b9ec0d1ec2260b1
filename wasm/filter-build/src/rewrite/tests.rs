use super::rewrite;
use wasm_encoder::{
    BlockType, CodeSection, FunctionSection, Ieee64, Instruction, Module, NameMap, NameSection, TypeSection,
    ValType,
};

/// A module with one function of these parameters and result, and a local of each type of parameter behind them.
fn module(parameters: &[ValType], result: ValType, body: &[Instruction<'_>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function(parameters.iter().copied(), [result]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut function = wasm_encoder::Function::new(parameters.iter().map(|&kind| (1, kind)));
    for instruction in body {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn of_i32(body: &[Instruction<'_>]) -> Vec<u8> {
    module(&[ValType::I32], ValType::I32, body)
}

fn of_f64(body: &[Instruction<'_>]) -> Vec<u8> {
    module(&[ValType::F64], ValType::F64, body)
}

use Instruction::{
    Block, Br, BrIf, Drop, End, F64Add, F64Const, F64Gt, F64Lt, F64Max, F64Min, F64Mul, I32Add, I32Const,
    I32Eqz, LocalGet, LocalSet, LocalTee, Select,
};

const fn f(value: f64) -> Instruction<'static> {
    F64Const(Ieee64::new(value.to_bits()))
}

#[test]
fn a_tee_becomes_a_set_and_a_get() {
    let tee = of_i32(&[LocalGet(0), LocalTee(0)]);
    assert_eq!(rewrite(&tee).unwrap(), of_i32(&[LocalGet(0), LocalSet(0), LocalGet(0)]));
}

#[test]
fn a_branch_on_zero_becomes_a_branch_around_a_branch() {
    let empty = || Block(BlockType::Empty);
    let before =
        of_i32(&[empty(), LocalGet(0), I32Const(7), I32Add, LocalTee(1), I32Eqz, BrIf(0), End, LocalGet(1)]);
    let after = of_i32(&[
        empty(),
        LocalGet(0),
        I32Const(7),
        I32Add,
        LocalSet(1),
        empty(),
        LocalGet(1),
        BrIf(0),
        Br(1),
        End,
        End,
        LocalGet(1),
    ]);
    assert_eq!(rewrite(&before).unwrap(), after);
}

#[test]
fn the_block_holds_the_whole_condition_and_nothing_else() {
    let empty = || Block(BlockType::Empty);
    let [one, two] = [I32Const(1), I32Const(2)];
    let before = of_i32(&[
        empty(),
        one.clone(),
        LocalGet(0),
        two.clone(),
        I32Add,
        I32Eqz,
        BrIf(0),
        Drop,
        End,
        one.clone(),
    ]);
    let after = of_i32(&[
        empty(),
        one.clone(),
        empty(),
        LocalGet(0),
        two,
        I32Add,
        BrIf(0),
        Br(1),
        End,
        Drop,
        End,
        one,
    ]);
    assert_eq!(rewrite(&before).unwrap(), after);
}

#[test]
fn a_branch_that_takes_a_value_along_stays() {
    let block = || Block(BlockType::Result(ValType::I32));
    for other in [
        of_i32(&[block(), I32Const(1), LocalGet(0), I32Eqz, BrIf(0), End]),
        of_i32(&[I32Const(1), LocalGet(0), I32Eqz, BrIf(0)]),
    ] {
        assert_eq!(rewrite(&other).unwrap(), other);
    }
}

#[test]
fn a_bound_by_a_constant_becomes_the_operation_for_it() {
    // 2; (0.5 if x < 0.5, else x) -> y; y; y; 2; y > 2
    let clamp = of_f64(&[
        f(2.0),
        f(0.5),
        LocalGet(0),
        LocalGet(0),
        f(0.5),
        F64Lt,
        Select,
        LocalTee(1),
        LocalGet(1),
        f(2.0),
        F64Gt,
        Select,
    ]);
    let after = of_f64(&[LocalGet(0), f(0.5), F64Max, LocalSet(1), LocalGet(1), f(2.0), F64Min]);
    assert_eq!(rewrite(&clamp).unwrap(), after);
}

#[test]
fn a_bound_that_is_another_thing_stays() {
    let select = |chosen: f64, x: u32, limit: f64| {
        of_f64(&[f(chosen), LocalGet(x), LocalGet(0), f(limit), F64Lt, Select])
    };
    for other in [
        select(0.5, 0, 0.25),
        select(0.5, 1, 0.5),
        select(0.0, 0, 0.0),
        select(-0.0, 0, -0.0),
        select(f64::NAN, 0, f64::NAN),
        // x where it is beyond, not the bound: differs for NaN
        of_f64(&[LocalGet(0), f(0.5), LocalGet(0), f(0.5), F64Gt, Select]),
        of_f64(&[f(0.5), LocalGet(0), LocalGet(0), LocalGet(1), F64Lt, Select]),
        of_f64(&[LocalGet(0), f(0.5), F64Add, f(3.0), F64Mul]),
    ] {
        assert_eq!(rewrite(&other).unwrap(), other);
    }
}

/// Two functions of two numbers; the second one calls the first, which has this name.
fn calling(name: &str, call: Instruction<'_>, names: bool) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::F64; 2], [ValType::F64]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(0);
    let mut code = CodeSection::new();
    for body in [&[LocalGet(0), End][..], &[LocalGet(0), LocalGet(1), call, End]] {
        let mut function = wasm_encoder::Function::new([]);
        for instruction in body {
            function.instruction(instruction);
        }
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    if names {
        let mut map = NameMap::new();
        map.append(0, name);
        let mut section = NameSection::new();
        section.functions(&map);
        module.section(&section);
    }
    module.finish()
}

#[test]
fn calls_of_larger_and_smaller_become_operations_and_names_are_dropped() {
    let call = || Instruction::Call(0);
    for (function, written) in [("6larger", F64Max), ("7smaller", F64Min), ("6within", call())] {
        let name = format!("_ZN14fluent_anomaly8detector4band7compare{function}17h0123456789abcdefE");
        let after = calling("", written, false);
        assert_eq!(rewrite(&calling(&name, call(), true)).unwrap(), after, "{name}");
    }
    let other = "_ZN3foo6larger17h0123456789abcdefE";
    assert_eq!(rewrite(&calling(other, call(), true)).unwrap(), calling("", call(), false));
}

#[test]
fn what_is_no_module_is_refused() {
    assert!(rewrite(b"\x7fELF").is_err());
    let module = of_i32(&[LocalGet(0)]);
    assert!(rewrite(&module[..module.len() - 3]).is_err());
}
