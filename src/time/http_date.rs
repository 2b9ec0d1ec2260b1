//! `Retry-After` and `Date` of HTTP (RFC 9110, sections 10.2.3 and 5.6.7).

use super::date;

/// Months as HTTP writes them.
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may write today; `None` for any other.
fn instant_s(text: &str) -> Option<i64> {
    let (_, rest) = text.trim().split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (clock, zone) = (words.next()?, words.next()?);
    let at = MONTHS.find(month).filter(|at| month.len() == 3 && at % 3 == 0)?;
    let iso = format!("{year}-{:02}-{day}T{clock}Z", at / 3 + 1);
    let time = date::parse(&iso).filter(|_| zone == "GMT" && words.next().is_none())?;
    Some(time.seconds())
}

/// Seconds that a `Retry-After` asks for: a number of them, or a date, from which the answer's own `date` is taken; without
/// one, `now_s` of this machine. A date that has passed asks for none.
pub(crate) fn retry_after_s(text: &str, date: Option<&str>, now_s: i64) -> Option<f64> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Some(seconds).filter(|seconds| *seconds >= 0.0);
    }
    let from_s = date.and_then(instant_s).unwrap_or(now_s);
    Some(instant_s(text)?.saturating_sub(from_s).max(0) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_one_form_of_http_and_nothing_else() {
        assert_eq!(instant_s("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(instant_s(" Tue, 29 Feb 2000 00:00:00 GMT "), Some(951_782_400));
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 anF 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(instant_s(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_so_many_seconds_behind_that_of_the_answer_or_the_clock_here() {
        let (later, date) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT");
        assert_eq!(retry_after_s("120", None, 0), Some(120.0));
        assert_eq!(retry_after_s(later, Some(date), 0), Some(60.0));
        assert_eq!(retry_after_s(later, Some("no date"), 784_111_767), Some(10.0));
        assert_eq!(retry_after_s(later, None, 784_111_767), Some(10.0));
    }

    #[test]
    fn a_wait_is_never_negative_nor_without_end() {
        assert_eq!(retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT", None, 2_000_000_000), Some(0.0));
        for text in ["-1", "nan", "", "later"] {
            assert_eq!(retry_after_s(text, None, 0), None, "{text}");
        }
    }
}
