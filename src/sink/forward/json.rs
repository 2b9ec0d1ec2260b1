//! JSON text -> msgpack, field by field in its order, without a tree in between.

use rmp::encode::{write_bool, write_f64, write_nil, write_sint, write_str, write_uint};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Appends the JSON object in `json`. Nesting is bounded by `serde_json` (128 levels). On an error `out` holds a
/// part of the value.
pub(super) fn object(out: &mut Vec<u8>, json: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_map(Transcode(out))?;
    deserializer.end()
}

struct Transcode<'a>(&'a mut Vec<u8>);

impl Transcode<'_> {
    /// The count is not known before the end: the header has a fixed width and is filled in then.
    fn header(&mut self, marker: u8) -> usize {
        self.0.extend_from_slice(&[marker, 0, 0, 0, 0]);
        self.0.len() - 4
    }

    fn patch(&mut self, at: usize, count: u32) {
        if let Some(slot) = self.0.get_mut(at..at + 4) {
            slot.copy_from_slice(&count.to_be_bytes());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

// writing to a Vec cannot fail
impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        let _ = write_nil(self.0);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        let _ = write_bool(self.0, value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let _ = write_uint(self.0, value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        let _ = write_sint(self.0, value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        let _ = write_f64(self.0, value);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let _ = write_str(self.0, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let at = self.header(0xdd);
        let mut count = 0u32;
        while items.next_element_seed(Transcode(self.0))?.is_some() {
            count = count.saturating_add(1);
        }
        self.patch(at, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        let at = self.header(0xdf);
        let mut count = 0u32;
        while fields.next_key_seed(Transcode(self.0))?.is_some() {
            fields.next_value_seed(Transcode(self.0))?;
            count = count.saturating_add(1);
        }
        self.patch(at, count);
        Ok(())
    }
}
