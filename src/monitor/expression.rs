//! `{{eval "..."}}`: `+ - * / % ^`, parentheses and functions over numbers and variables. With lists, not with calls of
//! itself: the stack of the filter's host has no room for deep calls.
//!
//! Functions are `abs`, `int` and `trunc`, `float`, `dec`, `round(x)`, `round(x, digits)`, `ceil`, `floor` and `sgn`. Datadog
//! has more (`exp`, `log10`, `sin`, ..., `humanize_bytes`): those make an expression that is not known.

/// Most operators that wait for what stands behind them.
const MOST_WAITING: usize = 64;

/// A minus in front of a value.
const NEGATE: char = 'n';
/// `round(x, digits)`.
const ROUND_TO: char = 'R';
/// Largest exponent of `^`, which has to be whole.
const MOST_POWER: f64 = 64.0;
/// Most digits that `round` keeps.
const MOST_DIGITS: f64 = 15.0;

/// Functions of one number.
const FUNCTIONS: [(&str, char); 9] = [
    ("abs", 'a'),
    ("int", 'i'),
    ("trunc", 'i'),
    ("float", '1'),
    ("dec", 'd'),
    ("round", 'r'),
    ("ceil", 'c'),
    ("floor", 'f'),
    ("sgn", 's'),
];

/// The value of an expression; `None` for what is none, or not finite.
#[inline(never)] // stack
pub(super) fn evaluate(expression: &str, variable: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = Vec::new();
    let mut waiting: Vec<char> = Vec::new();
    let mut rest = expression.trim_start();
    let mut wants_value = true;
    while let Some(sign) = rest.chars().next() {
        if waiting.len() > MOST_WAITING {
            return None;
        }
        let mut length = sign.len_utf8();
        match (wants_value, sign) {
            (true, '(') => waiting.push('('),
            (true, '-') => waiting.push(NEGATE),
            (true, _) => {
                length = rest.find(|c: char| !c.is_alphanumeric() && !"._".contains(c)).unwrap_or(rest.len());
                let word = rest.get(..length).filter(|word| !word.is_empty())?;
                if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word)
                    && rest.get(length..)?.trim_start().starts_with('(')
                {
                    waiting.push(*function);
                    rest = rest.get(length..)?.trim_start();
                    continue;
                }
                let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                values.push(if is_number { word.parse().ok()? } else { variable(word)? });
                wants_value = false;
            }
            (false, ')') => {
                while *waiting.last()? != '(' {
                    apply(waiting.pop()?, &mut values)?;
                }
                waiting.pop();
                if waiting.last().is_some_and(|last| last.is_ascii_alphanumeric() && *last != NEGATE) {
                    apply(waiting.pop()?, &mut values)?;
                }
            }
            (false, ',') => {
                while *waiting.last()? != '(' {
                    apply(waiting.pop()?, &mut values)?;
                }
                let function = waiting.len().checked_sub(2).and_then(|at| waiting.get_mut(at))?;
                if *function != 'r' {
                    return None;
                }
                *function = ROUND_TO;
                wants_value = true;
            }
            (false, '+' | '-' | '*' | '/' | '%' | '^') => {
                // 2 ^ 3 ^ 2 is 2 ^ (3 ^ 2)
                let least = binds(sign) + u8::from(sign == '^');
                while waiting.last().is_some_and(|last| binds(*last) >= least) {
                    apply(waiting.pop()?, &mut values)?;
                }
                waiting.push(sign);
                wants_value = true;
            }
            _ => return None,
        }
        rest = rest.get(length..)?.trim_start();
    }
    if wants_value {
        return None;
    }
    while let Some(operator) = waiting.pop() {
        apply(operator, &mut values)?;
    }
    let value = values.pop()?;
    value.is_finite().then_some(value)
}

/// How tightly an operator binds; an open parenthesis waits for its end.
fn binds(operator: char) -> u8 {
    match operator {
        '+' | '-' => 1,
        '*' | '/' | '%' => 2,
        NEGATE => 3,
        '^' => 4,
        _ => 0,
    }
}

fn apply(operator: char, values: &mut Vec<f64>) -> Option<()> {
    let right = values.pop()?;
    let value = match operator {
        NEGATE => -right,
        '+' => values.pop()? + right,
        '-' => values.pop()? - right,
        '*' => values.pop()? * right,
        '/' => values.pop()? / right,
        '%' => values.pop()? % right,
        '^' => power(values.pop()?, right)?,
        'a' => right.abs(),
        'i' => right.trunc(),
        '1' => right,
        'd' => right - right.trunc(),
        'r' => right.round(),
        ROUND_TO => round_to(values.pop()?, right)?,
        'c' => right.ceil(),
        'f' => right.floor(),
        's' => f64::from(i8::from(right > 0.0) - i8::from(right < 0.0)),
        _ => return None,
    };
    values.push(value);
    Some(())
}

/// A whole power: by multiplying, so that each host has the same bits.
fn power(base: f64, exponent: f64) -> Option<f64> {
    let times = exponent.abs();
    if exponent != exponent.trunc() || times > MOST_POWER {
        return None;
    }
    let product = (0..times as u32).fold(1.0, |product, _| product * base);
    Some(if exponent < 0.0 { 1.0 / product } else { product })
}

fn round_to(value: f64, digits: f64) -> Option<f64> {
    if !(0.0..=MOST_DIGITS).contains(&digits) {
        return None;
    }
    let scale = power(10.0, digits)?;
    Some((value * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_the_values_of_arithmetic() {
        let variable = |name: &str| (name == "value").then_some(0.5);
        for (expression, value) in [
            ("1+2*3", Some(7.0)),
            ("(1 + 2) * 3", Some(9.0)),
            ("-value - -1", Some(0.5)),
            ("-(1+2)*3/4", Some(-2.25)),
            ("8/2/2", Some(2.0)),
            ("value*100", Some(50.0)),
            ("1/0", None),
            ("1+", None),
            ("(1", None),
            ("1)", None),
            ("1 2", None),
            ("", None),
            ("other", None),
            ("2 ^ 3", Some(8.0)),
            ("2 ^ 3 ^ 2", Some(512.0)),
            ("-2 ^ 2", Some(-4.0)),
            ("2 ^ -1", Some(0.5)),
            ("2 ^ 0.5", None),
            ("2 ^ 65", None),
            ("7 % 4 * 2", Some(6.0)),
            ("1 % 0", None),
            ("round(12.376, 2)", Some(12.38)),
            ("round(value * 100 + 0.4)", Some(50.0)),
            ("round(2.5)", Some(3.0)),
            ("int(12.345) + trunc(-1.5)", Some(11.0)),
            ("dec(12.5)", Some(0.5)),
            ("ceil(1.2) - floor(1.8)", Some(1.0)),
            ("abs(-3) * sgn(-2) + float(1)", Some(-2.0)),
            ("abs(floor(-1.5))", Some(2.0)),
            ("-abs(2)", Some(-2.0)),
            ("abs(1, 2)", None),
            ("round(1, 2, 3)", None),
            ("round(1, 99)", None),
            ("round(, 2)", None),
            ("round", None),
            ("round()", None),
            ("(1, 2)", None),
            ("sin(1)", None),
            ("abs 1", None),
        ] {
            assert_eq!(evaluate(expression, &variable), value, "{expression}");
        }
        assert_eq!(evaluate(&"(".repeat(10_000), &variable), None);
        assert_eq!(evaluate(&"-".repeat(10_000), &variable), None);
    }
}
