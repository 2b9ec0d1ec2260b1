//! `{{eval "..."}}`: `+ - * /` and parentheses over numbers and variables. With lists, not with calls of itself: the
//! stack of the filter's host has no room for deep calls.

/// Most operators that wait for what stands behind them.
const MOST_WAITING: usize = 64;

/// A minus in front of a value.
const NEGATE: char = 'n';

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
                let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                values.push(if is_number { word.parse().ok()? } else { variable(word)? });
                wants_value = false;
            }
            (false, ')') => {
                while *waiting.last()? != '(' {
                    apply(waiting.pop()?, &mut values)?;
                }
                waiting.pop();
            }
            (false, '+' | '-' | '*' | '/') => {
                while waiting.last().is_some_and(|last| binds(*last) >= binds(sign)) {
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
        '*' | '/' => 2,
        NEGATE => 3,
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
        _ => return None,
    };
    values.push(value);
    Some(())
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
            ("2 ^ 3", None),
        ] {
            assert_eq!(evaluate(expression, &variable), value, "{expression}");
        }
        assert_eq!(evaluate(&"(".repeat(10_000), &variable), None);
        assert_eq!(evaluate(&"-".repeat(10_000), &variable), None);
    }
}
