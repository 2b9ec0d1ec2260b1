//! A word with what is a number, an id or a path masked.

use super::WILDCARD;
use super::units::is_unit;

/// Shorter runs of hex digits without `0x` are no ids.
const LEAST_HEX: usize = 8;
/// Longer ones are not either.
const MAX_HEX: usize = 128;

#[inline(always)] // speed
pub(super) fn is_path(word: &[u8]) -> bool {
    matches!(word, [b'/', rest @ ..] if rest.contains(&b'/'))
}

/// The word with its masks.
pub(super) fn mask(word: &[u8], out: &mut Vec<u8>) {
    out.clear();
    if is_path(word) {
        return put_mask(out);
    }
    let mut rest = word;
    while let Some((&first, behind)) = rest.split_first() {
        let is_begin = !out.last().is_some_and(u8::is_ascii_alphanumeric);
        // shorter ones are none
        let hex = if is_begin && (rest.len() >= LEAST_HEX || first == b'0') { hex_len(rest) } else { 0 };
        if hex > 0 {
            rest = rest.get(hex..).unwrap_or_default();
            put_mask(out);
            continue;
        }
        let is_signed =
            matches!(rest, [b'-' | b'+', digit, ..] if digit.is_ascii_digit()) && hex_len(behind) == 0;
        if !first.is_ascii_digit() && !is_signed {
            out.push(first);
            rest = behind;
            continue;
        }
        let digits = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = behind.get(digits..).unwrap_or_default();
        let letters = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if rest.get(..letters).is_some_and(|unit| is_begin && is_unit(unit)) {
            rest = rest.get(letters..).unwrap_or_default();
        }
        put_mask(out);
    }
}

/// Masks what comes next, unless it goes on what is masked, be it behind one sign that joins numbers.
pub(super) fn put_mask(out: &mut Vec<u8>) {
    if let [.., joins] = out[..]
        && is_joint(joins)
        && out.strip_suffix(&[joins]).is_some_and(|before| before.ends_with(WILDCARD.as_bytes()))
    {
        out.pop();
    } else if !out.ends_with(WILDCARD.as_bytes()) {
        out.extend_from_slice(WILDCARD.as_bytes());
    }
}

fn is_joint(b: u8) -> bool {
    matches!(b, b'.' | b':' | b',' | b'-' | b'_' | b'/' | b'+')
}

/// Bytes of the hex number or id that the text begins with; 0 where it begins with none.
fn hex_len(text: &[u8]) -> usize {
    let (prefix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (2, digits),
        digits => (0, digits),
    };
    let is_part = |b: &u8| b.is_ascii_hexdigit() || prefix == 0 && *b == b'-';
    let mut len = digits.iter().take(MAX_HEX + 1).take_while(|b| is_part(b)).count();
    while len > 0 && digits.get(len - 1) == Some(&b'-') {
        len -= 1;
    }
    let number = digits.get(..len).unwrap_or_default();
    let is_id = prefix > 0
        || len >= LEAST_HEX
            && number.iter().any(u8::is_ascii_digit)
            && number.iter().any(u8::is_ascii_alphabetic);
    let ends = !digits.get(len).is_some_and(u8::is_ascii_alphanumeric);
    if len > 0 && len <= MAX_HEX && is_id && ends { prefix + len } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_masked_and_words_stay() {
        for (word, masked) in [
            ("word", "word"),
            ("17", "<*>"),
            ("-17", "<*>"),
            ("12.5ms", "<*>"),
            ("1m30s,", "<*>,"),
            ("5meters", "<*>meters"),
            ("10.0.0.1:80", "<*>"),
            ("2026-11-27T10:00:00,123", "<*>T<*>"),
            ("blk_-1608999687919862906", "blk_<*>"),
            ("/user/17/items/4", "<*>"),
            ("/user17", "/user<*>"),
            ("to:/user/17", "to:/user/<*>"),
            ("@0x7fed875eb5d", "@<*>"),
            ("[b9000564-fe1a-409b-b8cc-1e88b294cd1d]", "[<*>]"),
            ("id-1e88b294-0017", "id-<*>"),
            ("2016/9/28:16:00:46.213", "<*>"),
            ("E1234:", "E<*>:"),
            ("0xdeadBEEF", "<*>"),
            ("deadbeef", "deadbeef"),
            ("deadbee1", "<*>"),
            ("123e4567-e89b-12d3-a456-426614174000", "<*>"),
            ("v2", "v<*>"),
            ("a--5", "a-<*>"),
            ("1..2", "<*>..<*>"),
            ("<*>", "<*>"),
        ] {
            let mut out = Vec::new();
            mask(word.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), masked, "{word}");
        }
    }
}
