//! As much of Terraform's language as a `datadog_monitor` is written in: attributes, blocks, lists, here-documents.

use serde_json::{Map, Value, json};

/// The bodies of all `datadog_monitor` resources; an error has its line.
pub(super) fn monitors(text: &str) -> Result<Vec<Value>, (usize, &'static str)> {
    let mut reader = HclReader { text, at: 0, depth: 0 };
    let mut found = Vec::new();
    loop {
        reader.space();
        let Some(word) = reader.word() else {
            if reader.rest().is_empty() {
                return Ok(found);
            }
            return Err(reader.error("a block such as resource \"datadog_monitor\" \"name\" { is wanted"));
        };
        let mut labels = Vec::new();
        loop {
            reader.space();
            match reader.rest().chars().next() {
                Some('"') => labels.push(reader.quoted()?),
                Some('{') => break,
                Some('=') => {
                    reader.at += 1;
                    reader.value()?;
                    break;
                }
                _ => return Err(reader.error("`{` is wanted behind the name of a block")),
            }
        }
        if !reader.rest().starts_with('{') {
            continue;
        }
        let body = reader.body()?;
        if word == "resource" && labels.first().is_some_and(|kind| kind == "datadog_monitor") {
            found.push(Value::Object(body));
        }
    }
}

/// Deepest nesting of blocks and lists that is read: each level is a call.
const DEEPEST: usize = 64;

/// Signs that go on behind a value.
const OPERATORS: [char; 12] = ['?', '=', '!', '&', '|', '+', '-', '*', '/', '<', '>', '.'];

/// Where an expression ends: at the end of its line or list, but for brackets and quotes within it.
fn end_of_expression(text: &str) -> usize {
    let mut open = 0_usize;
    let mut is_quoted = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '"' if before != '\\' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' if open > 0 => open -= 1,
            ']' | '}' => return at,
            '\n' | ',' | '#' if open == 0 => return at,
            '/' if open == 0 && before == '/' => return at - 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

struct HclReader<'a> {
    text: &'a str,
    at: usize,
    /// Blocks and lists around this place.
    depth: usize,
}

impl<'a> HclReader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, why: &'static str) -> (usize, &'static str) {
        (self.text.get(..self.at).unwrap_or(self.text).matches('\n').count() + 1, why)
    }

    /// White space and comments.
    fn space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let comment = match trimmed {
                _ if trimmed.starts_with('#') || trimmed.starts_with("//") => {
                    trimmed.find('\n').unwrap_or(trimmed.len())
                }
                _ if trimmed.starts_with("/*") => trimmed.find("*/").map_or(trimmed.len(), |end| end + 2),
                _ => return,
            };
            self.at += comment;
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).filter(|word| !word.is_empty())
    }

    /// What stands in a block or list within another one.
    fn inner<T>(
        &mut self,
        read: fn(&mut Self) -> Result<T, (usize, &'static str)>,
    ) -> Result<T, (usize, &'static str)> {
        if self.depth == DEEPEST {
            return Err(self.error("blocks and lists nest too deep, at most 64 are read"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// `{ ... }`
    fn body(&mut self) -> Result<Map<String, Value>, (usize, &'static str)> {
        let mut body = Map::new();
        self.at += 1;
        loop {
            self.space();
            let rest = self.rest();
            if rest.starts_with('}') {
                self.at += 1;
                return Ok(body);
            }
            if rest.starts_with(',') {
                self.at += 1;
                continue;
            }
            let name = match rest.starts_with('"') {
                true => self.quoted()?,
                false => self.word().ok_or_else(|| self.error("a name or `}` is wanted"))?.to_owned(),
            };
            self.space();
            match self.rest().chars().next() {
                Some('=' | ':') => {
                    self.at += 1;
                    let value = self.value()?;
                    self.skip_operation();
                    body.insert(name, value);
                }
                Some('{') => {
                    let inner = Value::Object(self.inner(Self::body)?);
                    // a block may stand several times
                    match body.get_mut(&name) {
                        Some(Value::Array(blocks)) => blocks.push(inner),
                        Some(block @ Value::Object(_)) => *block = Value::Array(vec![block.take(), inner]),
                        _ => drop(body.insert(name, inner)),
                    }
                }
                Some('"') => {
                    while self.rest().starts_with('"') {
                        self.quoted()?;
                        self.space();
                    }
                    if !self.rest().starts_with('{') {
                        return Err(self.error("`{` is wanted behind the name of a block"));
                    }
                    self.inner(Self::body)?;
                }
                _ => return Err(self.error("`=` or `{` is wanted behind a name")),
            }
        }
    }

    /// `[ ... ]`
    fn list(&mut self) -> Result<Vec<Value>, (usize, &'static str)> {
        self.at += 1;
        let mut list = Vec::new();
        loop {
            self.space();
            let rest = self.rest();
            if rest.starts_with(']') {
                self.at += 1;
                return Ok(list);
            }
            if rest.starts_with(',') {
                self.at += 1;
                continue;
            }
            if rest.is_empty() {
                return Err(self.error("`]` is missing"));
            }
            list.push(self.value()?);
        }
    }

    fn value(&mut self) -> Result<Value, (usize, &'static str)> {
        self.space();
        let rest = self.rest();
        // `{ for key, value in map : ... }`
        let is_loop = rest.starts_with(['{', '['])
            && rest.get(1..).is_some_and(|inner| inner.trim_start().starts_with("for "));
        match rest.chars().next() {
            Some('"') => Ok(json!(self.quoted()?)),
            Some(_) if is_loop => {
                let end = end_of_expression(rest);
                self.at += end;
                Ok(json!(format!("${{{}}}", rest.get(..end).unwrap_or_default().trim())))
            }
            Some('[') => Ok(Value::Array(self.inner(Self::list)?)),
            Some('{') => Ok(Value::Object(self.inner(Self::body)?)),
            Some('<') if rest.starts_with("<<") => self.here_document(),
            Some(_) => {
                // a number, a word, or an expression
                let end = end_of_expression(rest);
                let written = rest.get(..end).unwrap_or_default().trim();
                if written.is_empty() {
                    return Err(self.error("a value is wanted"));
                }
                self.at += end;
                Ok(match written {
                    "true" => json!(true),
                    "false" => json!(false),
                    "null" => Value::Null,
                    // as Terraform's JSON writes expressions
                    _ => written
                        .parse::<f64>()
                        .map_or_else(|_| json!(format!("${{{written}}}")), |number| json!(number)),
                })
            }
            None => Err(self.error("a value is wanted")),
        }
    }

    /// What may follow a value on its line: `"a" == var.b ? 1 : 2`. The value itself stands.
    fn skip_operation(&mut self) {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let is_comment =
            rest.get(blanks..).is_some_and(|rest| rest.starts_with("//") || rest.starts_with("/*"));
        if !is_comment && rest.get(blanks..).is_some_and(|rest| rest.starts_with(OPERATORS)) {
            self.at += end_of_expression(rest);
        }
    }

    /// `<<EOF` to `EOF`; with `<<-EOF` lines lose the blanks that all begin with.
    fn here_document(&mut self) -> Result<Value, (usize, &'static str)> {
        let rest = self.rest();
        let indented = rest.starts_with("<<-");
        let (head, body) = rest.split_once('\n').ok_or_else(|| self.error("a here-document has no lines"))?;
        let mark = head.trim_start_matches("<<-").trim_start_matches("<<").trim();
        let mut lines = Vec::new();
        let mut length = head.len() + 1;
        for line in body.split_inclusive('\n') {
            length += line.len();
            if line.trim() == mark {
                self.at += length;
                let blanks = |line: &&str| line.len() - line.trim_start().len();
                let common = lines
                    .iter()
                    .filter(|line: &&&str| !line.trim().is_empty())
                    .map(blanks)
                    .min()
                    .unwrap_or(0);
                let cut = if indented { common } else { 0 };
                let lines: Vec<&str> =
                    lines.iter().map(|line| line.get(cut..).unwrap_or(line.trim_start())).collect();
                return Ok(json!(lines.join("\n")));
            }
            lines.push(line.trim_end_matches(['\n', '\r']));
        }
        Err(self.error("the end of a here-document is missing"))
    }

    fn quoted(&mut self) -> Result<String, (usize, &'static str)> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        // a template holds quotes of its own: "${var.on ? "a" : "b"}"
        let mut open = 0_usize;
        let mut before = ' ';
        while let Some((at, c)) = chars.next() {
            let is_template = c == '{' && matches!(before, '$' | '%');
            if is_template || (open > 0 && c == '{') {
                open += 1;
            } else if open > 0 && c == '}' {
                open -= 1;
            }
            before = c;
            match c {
                '"' if open == 0 => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, other)) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        self.at = start;
        Err(self.error("a quote is not closed"))
    }
}
