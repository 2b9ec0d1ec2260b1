//! Units of time and size, which belong to the number ahead of them.

/// A number that a unit may follow, whatever stands ahead of it but letters.
pub(super) fn is_number(word: &[u8]) -> bool {
    word.last().is_some_and(u8::is_ascii_digit) && !word.iter().any(u8::is_ascii_alphabetic)
}

/// A unit of time or size, and a mark of punctuation behind it.
pub(super) fn is_unit(word: &[u8]) -> bool {
    let unit = match word {
        [unit @ .., b',' | b'.' | b';'] => unit,
        unit => unit,
    };
    matches!(
        unit,
        b"ns"
            | b"us"
            | b"ms"
            | b"s"
            | b"sec"
            | b"secs"
            | b"second"
            | b"seconds"
            | b"m"
            | b"min"
            | b"minutes"
            | b"h"
            | b"B"
            | b"kB"
            | b"KB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
    )
}
