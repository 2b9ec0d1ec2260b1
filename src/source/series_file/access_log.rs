//! Access logs of web servers, common and combined:
//! `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "-" "curl" 0.012`.
//!
//! Fields have the names that the parsers of Fluent Bit and Fluentd give them; a number at the end, where servers are
//! told to put it, is `request_time`.

use super::error::SeriesFileError;
use super::lines::lines;
use super::moment;
use super::table::{Cell, Table, finite};

/// Fields that hold numbers.
pub(super) const NUMBERS: [&str; 3] = ["code", "size", "request_time"];

/// Whether a line is one of an access log.
pub(super) fn is_line(line: &str) -> bool {
    parse(line).is_some()
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("access log", true);
    for line in lines(bytes) {
        let (number, line) = line?;
        table.lines += 1;
        let Some(fields) = parse(line) else {
            let why = "it is no line of an access log".to_owned();
            table.pass_over(SeriesFileError::NotARecord { line: number, why });
            continue;
        };
        let mut row = Vec::new();
        for (name, text) in fields {
            let cell = match finite(text).filter(|_| NUMBERS.contains(&name)) {
                _ if text == "-" => Cell::Null,
                Some(number) => Cell::Number(number),
                None => table.text_cell(text),
            };
            table.put(&mut row, &[name.to_owned()], cell);
        }
        table.push(number, row);
    }
    Ok(table)
}

/// The fields of a line, `-` for what is not known.
pub(super) fn parse(line: &str) -> Option<Vec<(&'static str, &str)>> {
    let (head, rest) = line.trim().split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    moment::of_text(time)?;
    let (request, rest) = rest.split_once("\" ")?;
    // `www.example.com:443 ` of Apache's `vhost_combined`
    let of_port = |word: &str| word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let virtual_host =
        head.split_once(' ').filter(|(first, who)| of_port(first) && who.split(' ').count() >= 3);
    let mut who = virtual_host.map_or(head, |(_, who)| who).split(' ');
    let mut fields: Vec<(&str, &str)> = virtual_host.iter().map(|(name, _)| ("vhost", *name)).collect();
    fields.extend([("remote", who.next()?), ("host", who.next()?), ("user", who.next()?), ("time", time)]);
    let mut words = request.split(' ');
    fields.push(("method", words.next()?));
    fields.extend(words.next().map(|path| ("path", path)));
    let mut rest = rest;
    for name in ["code", "size"] {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        if word != "-" && word.parse::<f64>().is_err() {
            return None;
        }
        fields.push((name, word));
        rest = behind;
    }
    for name in ["referer", "agent"] {
        let Some((text, behind)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
            break;
        };
        fields.push((name, text));
        rest = behind.trim_start();
    }
    if rest.parse::<f64>().is_ok_and(f64::is_finite) {
        fields.push(("request_time", rest));
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_host_with_its_port_stands_before_the_client() {
        let line = r#"www.example.com:443 ::1 - anna [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326"#;
        let fields = parse(line).unwrap();
        let expected = [("vhost", "www.example.com:443"), ("remote", "::1"), ("host", "-"), ("user", "anna")];
        assert_eq!(fields[..4], expected);
    }

    #[test]
    fn common_and_combined_lines_are_read_and_others_are_none() {
        let common = r#"::1 - anna [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.0" 200 2326"#;
        let combined =
            format!(r#"{common} "http://x/" "Mozilla/5.0 (X11; \"q\")" 0.012"#).replace("\\\"q\\\"", "q");
        let fields = parse(common).unwrap();
        assert_eq!(fields[..3], [("remote", "::1"), ("host", "-"), ("user", "anna")]);
        assert_eq!(fields[4..], [("method", "GET"), ("path", "/a?b=c"), ("code", "200"), ("size", "2326")]);
        assert_eq!(parse(&combined).unwrap().last(), Some(&("request_time", "0.012")));
        for line in
            ["", "a b c [x] \"GET /\" 200 1", "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /\" ok 1"]
        {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
