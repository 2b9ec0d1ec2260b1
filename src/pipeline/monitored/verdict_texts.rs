//! A monitor's verdict as it stands in a record. Everything but the numbers is encoded once, before the first record:
//! to an interpreter, each name that is checked for escapes costs as much as a step of the band.

use crate::detector::band::Band;
use crate::monitor::{MonitorVerdict, Status};
use crate::record::{Field, Format, Suffix, SuffixText, encode};

/// The texts of one monitor.
#[derive(Debug)]
pub(in crate::pipeline) struct VerdictTexts {
    format: Format,
    monitor: Vec<u8>,
    /// Names of expected, lower, upper.
    numbers: [Vec<u8>; 3],
    /// is_anomaly, false and true.
    anomaly: [Vec<u8>; 2],
    /// status OK, WARN, ALERT, NO DATA.
    status: [Vec<u8>; 4],
    /// There is no band yet. It stands in place of the status OK, which would be a judgement, and beside any other.
    warming_up: Vec<u8>,
    transition: Vec<u8>,
    renotify: Vec<u8>,
    message: Vec<u8>,
    /// For JSON, unless a name is too long.
    plain: Option<Box<PlainTexts>>,
}

/// A verdict that changes nothing, as most do.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct PlainVerdict {
    pub(in crate::pipeline) band: Option<Band>,
    pub(in crate::pipeline) is_anomaly: bool,
    pub(in crate::pipeline) status: Status,
}

impl PlainVerdict {
    /// `None` for a verdict with a transition or a reminder.
    pub(in crate::pipeline) fn of(verdict: &MonitorVerdict) -> Option<Self> {
        let MonitorVerdict { band, is_anomaly, status, transition, renotify, .. } = *verdict;
        (transition.is_none() && !renotify).then_some(Self { band, is_anomaly, status })
    }
}

/// The texts around the numbers of a [`PlainVerdict`], as a member of a JSON record with a comma in front.
#[derive(Debug)]
struct PlainTexts {
    /// Up to expected, lower, upper.
    numbers: [SuffixText; 3],
    /// Behind them, by status, then is_anomaly.
    ends: [[SuffixText; 2]; 4],
    /// All there is without a band, by status.
    without_band: [SuffixText; 4],
}

impl PlainTexts {
    /// `start`: from the comma to the monitor's name.
    fn new(
        start: &[u8],
        [expected, lower, upper]: &[Vec<u8>; 3],
        anomaly: &[Vec<u8>; 2],
        status: &[Vec<u8>; 4],
        warming_up: &[u8],
    ) -> Option<Self> {
        let piece = |parts: &[&[u8]]| SuffixText::new(&parts.concat());
        let end = |status: &[u8]| {
            let [no, yes] = anomaly;
            Some([piece(&[no, status, b"}"])?, piece(&[yes, status, b"}"])?])
        };
        let alone = |status: &[u8]| piece(&[start, warming_up, status, b"}"]);
        let [ok, warn, alert, no_data] = status;
        Some(Self {
            numbers: [piece(&[start, expected])?, piece(&[lower])?, piece(&[upper])?],
            ends: [end(ok)?, end(warn)?, end(alert)?, end(no_data)?],
            without_band: [alone(b"")?, alone(warn)?, alone(alert)?, alone(no_data)?],
        })
    }
}

impl VerdictTexts {
    /// `output`: the field of the record that holds the map.
    pub(in crate::pipeline) fn new(monitor: &str, output: &str, format: Format) -> Self {
        let name = |name: &str| {
            let mut bytes = Vec::new();
            if format == Format::Json {
                bytes.push(b',');
            }
            encode(format, &Field::Text(name), &mut bytes);
            if format == Format::Json {
                bytes.push(b':');
            }
            bytes
        };
        let member = |key: &str, field: Field<'_>| {
            let mut bytes = name(key);
            encode(format, &field, &mut bytes);
            bytes
        };
        let mut head = member("monitor", Field::Text(monitor));
        if let (Format::Json, Some(comma)) = (format, head.first_mut()) {
            *comma = b'{';
        }
        let numbers = ["expected", "lower", "upper"].map(name);
        let anomaly = [false, true].map(|is| member("is_anomaly", Field::Bool(is)));
        let status = [Status::Ok, Status::Warn, Status::Alert, Status::NoData]
            .map(|status| member("status", Field::Text(status.text())));
        let warming_up = member("warming_up", Field::Bool(true));
        let plain = match format.in_this_build() {
            Format::Json => {
                let start = [name(output), head.clone()].concat();
                PlainTexts::new(&start, &numbers, &anomaly, &status, &warming_up)
            }
            Format::Msgpack => None,
        };
        Self {
            format,
            monitor: head,
            numbers,
            anomaly,
            status,
            warming_up,
            plain: plain.map(Box::new),
            transition: name("transition"),
            renotify: member("renotify", Field::Bool(true)),
            message: name("message"),
        }
    }

    /// Puts the member of a JSON record for a plain verdict in front of `suffix`. False, and the suffix is useless,
    /// where the map has to be written by [`append`](VerdictTexts::append).
    #[inline(always)] // speed
    pub(in crate::pipeline) fn prepend(&self, verdict: PlainVerdict, suffix: &mut Suffix) -> bool {
        let PlainVerdict { band, is_anomaly, status } = verdict;
        let Some(PlainTexts { numbers, ends, without_band }) = self.plain.as_deref() else { return false };
        let status = match status {
            Status::Ok => 0,
            Status::Warn => 1,
            Status::Alert => 2,
            Status::NoData => 3,
        };
        let Some(Band { expected, lower, upper }) = band else {
            suffix.prepend(&without_band[status]);
            return true;
        };
        suffix.prepend(&ends[status][usize::from(is_anomaly)]);
        let [before_expected, before_lower, before_upper] = numbers;
        suffix.prepend_number(upper);
        suffix.prepend(before_upper);
        suffix.prepend_number(lower);
        suffix.prepend(before_lower);
        suffix.prepend_number(expected);
        suffix.prepend(before_expected);
        // none of them is NaN or infinite unless the sum is
        (expected + (upper - lower)).is_finite()
    }

    /// Appends the map: monitor; expected, lower, upper, is_anomaly, or warming_up; status; transition or renotify;
    /// message.
    pub(in crate::pipeline) fn append(
        &self,
        verdict: &MonitorVerdict,
        message: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let mut members = 1u8; // at most 8
        if self.format.in_this_build() == Format::Msgpack {
            out.push(0x80);
        }
        out.extend_from_slice(&self.monitor);
        if let Some(band) = verdict.band {
            for (name, value) in self.numbers.iter().zip([band.expected, band.lower, band.upper]) {
                if value.is_finite() {
                    out.extend_from_slice(name);
                    encode(self.format, &Field::Number(value), out);
                    members += 1;
                }
            }
            let [usual, anomaly] = &self.anomaly;
            out.extend_from_slice(if verdict.is_anomaly { anomaly } else { usual });
            members += 1;
        } else {
            out.extend_from_slice(&self.warming_up);
            members += 1;
        }
        let [ok, warn, alert, no_data] = &self.status;
        let status = match verdict.status {
            Status::Ok => verdict.band.map(|_| ok),
            Status::Warn => Some(warn),
            Status::Alert => Some(alert),
            Status::NoData => Some(no_data),
        };
        if let Some(status) = status {
            out.extend_from_slice(status);
            members += 1;
        }
        if let Some(transition) = verdict.transition {
            out.extend_from_slice(&self.transition);
            encode(self.format, &Field::Text(transition.text()), out);
            members += 1;
        } else if verdict.renotify {
            out.extend_from_slice(&self.renotify);
            members += 1;
        }
        if let Some(message) = message {
            out.extend_from_slice(&self.message);
            encode(self.format, &Field::Text(message), out);
            members += 1;
        }
        match (self.format.in_this_build(), out.get_mut(start)) {
            (Format::Json, _) => out.push(b'}'),
            (Format::Msgpack, Some(head)) => *head = 0x80 | members,
            (Format::Msgpack, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Transition;

    fn observation() -> MonitorVerdict {
        MonitorVerdict {
            value: 1.0,
            band: Some(Band { expected: 1.5, lower: -2.0, upper: f64::INFINITY }),
            is_anomaly: true,
            status: Status::Alert,
            transition: Some(Transition { from: Status::Ok, to: Status::Alert }),
            renotify: false,
            share: 1.0,
            triggered: None,
        }
    }

    /// The same members in both formats; what is not finite is left out.
    #[test]
    fn a_verdict_is_the_map_that_a_record_would_hold() {
        let fields = [
            ("monitor", Field::Text("a \"b\"")),
            ("expected", Field::Number(1.5)),
            ("lower", Field::Number(-2.0)),
            ("upper", Field::Number(f64::INFINITY)),
            ("is_anomaly", Field::Bool(true)),
            ("status", Field::Text("ALERT")),
            ("transition", Field::Text("OK->ALERT")),
            ("message", Field::Text("line\nline")),
        ];
        for format in [Format::Json, Format::Msgpack] {
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            encode(format, &Field::Map(&fields), &mut expected);
            let texts = VerdictTexts::new("a \"b\"", "anomaly", format);
            texts.append(&observation(), Some("line\nline"), &mut written);
            assert_eq!(written, expected, "{format:?}");
        }
    }

    #[test]
    fn without_a_band_a_monitor_warms_up_and_with_a_reminder_there_is_a_flag() {
        let verdict = MonitorVerdict { band: None, transition: None, renotify: true, ..observation() };
        let mut written = Vec::new();
        VerdictTexts::new("m", "anomaly", Format::Json).append(&verdict, None, &mut written);
        assert_eq!(written, br#"{"monitor":"m","warming_up":true,"status":"ALERT","renotify":true}"#);
        written.clear();
        VerdictTexts::new("m", "anomaly", Format::Msgpack).append(&verdict, None, &mut written);
        assert_eq!(written.first(), Some(&0x84));
        written.clear();
        let verdict = MonitorVerdict { status: Status::Ok, renotify: false, ..verdict };
        VerdictTexts::new("m", "anomaly", Format::Json).append(&verdict, None, &mut written);
        assert_eq!(written, br#"{"monitor":"m","warming_up":true}"#, "OK would be a judgement");
    }

    /// A plain verdict is the member that the longer way would write.
    #[test]
    fn a_plain_verdict_is_the_same_map_with_its_name_ahead() {
        let band = Some(Band { expected: 1.5, lower: -2.0, upper: 0.25 });
        let texts = VerdictTexts::new("m", "p_anomaly", Format::Json);
        for status in [Status::Ok, Status::Warn, Status::Alert, Status::NoData] {
            for (band, is_anomaly) in [(band, true), (band, false), (None, false)] {
                let verdict = MonitorVerdict { band, is_anomaly, status, transition: None, ..observation() };
                let (mut quick, mut map) = (Suffix::default(), b",\"p_anomaly\":".to_vec());
                assert!(texts.prepend(PlainVerdict { band, is_anomaly, status }, &mut quick));
                texts.append(&verdict, None, &mut map);
                map.push(b'}');
                assert_eq!(quick.text(), map);
            }
        }
        let MonitorVerdict { band, status, .. } = observation();
        assert!(
            !texts.prepend(PlainVerdict { band, is_anomaly: false, status }, &mut Suffix::default()),
            "a bound that is not finite is left out"
        );
    }
}
