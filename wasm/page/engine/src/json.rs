//! Writes the little JSON that crosses the border; there is nothing to read.

use std::fmt::Write;

/// A JSON text in the making.
#[derive(Debug, Default)]
pub(crate) struct Json(String);

impl Json {
    /// An object, from members that are written by `each`.
    pub(crate) fn object(each: impl FnOnce(&mut Members<'_>)) -> String {
        let mut json = Self::default();
        json.0.push('{');
        each(&mut Members { json: &mut json, first: true });
        json.0.push('}');
        json.0
    }

    /// An array of JSON texts.
    pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
        let items: Vec<String> = items.into_iter().collect();
        format!("[{}]", items.join(","))
    }

    /// A string.
    pub(crate) fn string(text: &str) -> String {
        let mut json = Self::default();
        json.text(text);
        json.0
    }

    /// A finite number as JavaScript writes it.
    pub(crate) fn number(value: f64) -> String {
        format!("{value}")
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                // to a String this cannot fail
                c if c < ' ' => drop(write!(self.0, "\\u{:04x}", u32::from(c))),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }
}

/// Members of an object.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    json: &'a mut Json,
    first: bool,
}

impl Members<'_> {
    /// Adds a member whose value is a JSON text.
    pub(crate) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        if !std::mem::take(&mut self.first) {
            self.json.0.push(',');
        }
        self.json.text(name);
        self.json.0.push(':');
        self.json.0.push_str(value);
        self
    }

    /// Adds a string.
    pub(crate) fn string(&mut self, name: &str, value: &str) -> &mut Self {
        let value = Json::string(value);
        self.raw(name, &value)
    }

    /// Adds a finite number.
    pub(crate) fn number(&mut self, name: &str, value: impl Into<f64>) -> &mut Self {
        let value = Json::number(value.into());
        self.raw(name, &value)
    }

    /// Adds true or false.
    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }
}
