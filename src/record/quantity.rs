//! Numbers that texts hold together with a unit: `12ms`, `1m30.5s`, `1.5 MiB`, `45%`.

use std::fmt;
use std::str::FromStr;

/// A unit, such as `ms`. Numbers turn into those of another unit of the same dimension.
///
/// ```
/// use fluent_anomaly::records::Unit;
/// let unit: Unit = "ms".parse()?;
/// assert_eq!(unit.read("1.5s"), Some(1500.0));
/// assert_eq!(unit.read("1m0.25s"), Some(60_250.0));
/// assert_eq!(unit.read("12 MB"), None);
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    name: &'static str,
    dimension: Dimension,
    /// In the smallest unit of its dimension.
    size: u64,
}

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Time,
    Bytes,
    Share,
}

const KI: u64 = 1024;
const S: u64 = 1_000_000_000;

/// The units by their spellings; of those with several the first one is shown.
const UNITS: [(&str, Dimension, u64); 27] = [
    ("ns", Dimension::Time, 1),
    ("us", Dimension::Time, 1000),
    ("\u{b5}s", Dimension::Time, 1000),
    ("\u{3bc}s", Dimension::Time, 1000),
    ("ms", Dimension::Time, 1_000_000),
    ("s", Dimension::Time, S),
    ("sec", Dimension::Time, S),
    ("min", Dimension::Time, 60 * S),
    ("m", Dimension::Time, 60 * S),
    ("mins", Dimension::Time, 60 * S),
    ("h", Dimension::Time, 3600 * S),
    ("hour", Dimension::Time, 3600 * S),
    ("hours", Dimension::Time, 3600 * S),
    ("d", Dimension::Time, 86_400 * S),
    ("day", Dimension::Time, 86_400 * S),
    ("days", Dimension::Time, 86_400 * S),
    ("B", Dimension::Bytes, 1),
    ("kB", Dimension::Bytes, 1000),
    ("KB", Dimension::Bytes, 1000),
    ("MB", Dimension::Bytes, 1_000_000),
    ("GB", Dimension::Bytes, 1_000_000_000),
    ("TB", Dimension::Bytes, 1_000_000_000_000),
    ("KiB", Dimension::Bytes, KI),
    ("MiB", Dimension::Bytes, KI * KI),
    ("GiB", Dimension::Bytes, KI * KI * KI),
    ("TiB", Dimension::Bytes, KI * KI * KI * KI),
    ("%", Dimension::Share, 1),
];

impl Unit {
    /// What may be written as a unit.
    pub const ALLOWED: &'static str = "ns, us, ms, s, min, h, d, B, kB, MB, GB, TB, KiB, MiB, GiB, TiB or %";

    /// The number that a text is in this unit; `None` for a text without units, of other units, or not finite.
    #[must_use]
    pub fn read(self, text: &str) -> Option<f64> {
        let mut rest = text.trim();
        let is_negative = rest.starts_with('-');
        rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let mut sum = 0.0;
        while !rest.is_empty() {
            let (number, unit, behind) = part(rest)?;
            if unit.dimension != self.dimension {
                return None;
            }
            // whole factors: 12ms is 12 exactly, and 1 h is 3600 s
            sum += if unit.size >= self.size {
                number * (unit.size as f64 / self.size as f64)
            } else {
                number / (self.size as f64 / unit.size as f64)
            };
            rest = behind;
        }
        let is_read = !text.trim().is_empty() && sum.is_finite();
        is_read.then_some(if is_negative { -sum } else { sum })
    }

    /// The unit of a text that is a number with a unit: of several the first.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let plain = text.trim();
        let (_, unit, _) = part(plain.strip_prefix(['-', '+']).unwrap_or(plain))?;
        unit.read(text).map(|_| unit)
    }
}

/// A number, its unit, and the text behind them.
fn part(text: &str) -> Option<(f64, Unit, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end)?;
    Some((number, name.parse().ok()?, rest.trim_start()))
}

impl FromStr for Unit {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unit = UNITS.iter().find(|(spelling, ..)| *spelling == name).ok_or(Self::ALLOWED)?;
        let same = |(_, dimension, size): &&(&str, Dimension, u64)| (*dimension, *size) == (unit.1, unit.2);
        let (name, dimension, size) = *UNITS.iter().find(same).unwrap_or(unit);
        Ok(Self { name, dimension, size })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_that_number_in_another_unit() {
        for (unit, text, number) in [
            ("ms", "12ms", Some(12.0)),
            ("ms", " 12.5 ms ", Some(12.5)),
            ("ms", "1.5s", Some(1500.0)),
            ("ms", "850\u{b5}s", Some(0.85)),
            ("ms", "850us", Some(0.85)),
            ("s", "1h2m3.5s", Some(3723.5)),
            ("s", "2 min", Some(120.0)),
            ("s", "-3ms", Some(-0.003)),
            ("min", "90s", Some(1.5)),
            ("d", "36h", Some(1.5)),
            ("kB", "12KB", Some(12.0)),
            ("B", "1.5 MiB", Some(1_572_864.0)),
            ("MB", "1500kB", Some(1.5)),
            ("%", "45%", Some(45.0)),
            ("%", "45.5 %", Some(45.5)),
            ("ms", "12", None),
            ("ms", "", None),
            ("ms", "ms", None),
            ("ms", "12 MB", None),
            ("ms", "12ms later", None),
            ("ms", "12ms 3kB", None),
            ("ms", "1.2.3ms", None),
            ("ms", "12 Ms", None),
            ("ms", "NaNms", None),
            ("ms", "--3ms", None),
        ] {
            assert_eq!(unit.parse::<Unit>().unwrap().read(text), number, "{text} as {unit}");
        }
        let long = format!("{}s", "9".repeat(400));
        assert_eq!("s".parse::<Unit>().unwrap().read(&long), None);
    }

    #[test]
    fn a_unit_is_named_by_its_first_spelling() {
        for (text, name) in
            [("1.5s", "s"), ("12 KB", "kB"), ("1m30s", "min"), ("5\u{3bc}s", "us"), ("7%", "%")]
        {
            assert_eq!(Unit::of(text).map(|unit| unit.to_string()).as_deref(), Some(name), "{text}");
        }
        for text in ["12", "fast", "10.0.0.1", "2026-01-31", "v1.2s", "12:30", "3 of 4", "1e3ms"] {
            assert_eq!(Unit::of(text), None, "{text}");
        }
        assert_eq!("furlong".parse::<Unit>(), Err(Unit::ALLOWED));
    }
}
