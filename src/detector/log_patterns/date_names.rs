//! Names of months and of days of the week.

/// A word that belongs to a date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DateName {
    Weekday,
    Month,
}

/// The name of a month or a day of the week, or its first three letters; marks around it do not matter.
#[inline(always)] // speed
pub(super) fn name_of_date(word: &[u8]) -> Option<DateName> {
    let word = match word {
        [b'[' | b'(', word @ ..] => word,
        word => word,
    };
    // most words end here
    if word.first().is_some_and(u8::is_ascii_uppercase) { longer_name_of_date(word) } else { None }
}

#[inline(never)] // speed: rare
fn longer_name_of_date(word: &[u8]) -> Option<DateName> {
    let word = match word {
        [word @ .., b',' | b'.'] => word,
        word => word,
    };
    let (short, others) = word.split_first_chunk::<3>()?;
    let (rest, name): (&[u8], _) = match short {
        b"Mon" | b"Fri" | b"Sun" => (b"day", DateName::Weekday),
        b"Tue" => (b"sday", DateName::Weekday),
        b"Wed" => (b"nesday", DateName::Weekday),
        b"Thu" => (b"rsday", DateName::Weekday),
        b"Sat" => (b"urday", DateName::Weekday),
        b"Jan" => (b"uary", DateName::Month),
        b"Feb" => (b"ruary", DateName::Month),
        b"Mar" => (b"ch", DateName::Month),
        b"Apr" => (b"il", DateName::Month),
        b"May" => (b"", DateName::Month),
        b"Jun" => (b"e", DateName::Month),
        b"Jul" => (b"y", DateName::Month),
        b"Aug" => (b"ust", DateName::Month),
        b"Sep" => (b"tember", DateName::Month),
        b"Oct" => (b"ober", DateName::Month),
        b"Nov" | b"Dec" => (b"ember", DateName::Month),
        _ => return None,
    };
    (others.is_empty() || others == rest).then_some(name)
}
