//! A bounded reader of msgpack: tokens out of borrowed bytes, nothing allocated.
//!
//! "More bytes needed" and "these bytes are wrong" are different answers, so that a stream can wait for the
//! first and give up on the second. Nothing recurses, so no nesting can exhaust a stack; every step consumes
//! at least one byte, so no claimed length costs more than the bytes that are there.

/// Why no token could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MsgpackFault {
    /// The bytes end inside a value.
    Short,
    /// The byte 0xc1, which msgpack never uses.
    Bad,
}

/// One msgpack token; arrays and maps announce how many values follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool,
    /// Any integer format that fits.
    Int(i64),
    /// An unsigned integer above `i64::MAX`.
    Big(u64),
    Float(f64),
    /// `str` or `bin`: hosts mix the two.
    Text(&'a [u8]),
    Ext(i8, &'a [u8]),
    Array(u32),
    /// Pairs that follow.
    Map(u32),
}

/// A position in borrowed bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MsgpackReader<'a> {
    rest: &'a [u8],
}

impl<'a> MsgpackReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn take(&mut self, wanted: usize) -> Result<&'a [u8], MsgpackFault> {
        let (head, tail) = self.rest.split_at_checked(wanted).ok_or(MsgpackFault::Short)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackFault> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(MsgpackFault::Short)?;
        self.rest = tail;
        Ok(*head)
    }

    fn len8(&mut self) -> Result<usize, MsgpackFault> {
        Ok(usize::from(u8::from_be_bytes(self.array()?)))
    }

    fn len16(&mut self) -> Result<usize, MsgpackFault> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn len32(&mut self) -> Result<u32, MsgpackFault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn ext(&mut self, len: usize) -> Result<Token<'a>, MsgpackFault> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Token::Ext(kind, self.take(len)?))
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token<'a>, MsgpackFault> {
        let [head] = self.array::<1>()?;
        Ok(match head {
            0x00..=0x7f => Token::Int(i64::from(head)),
            0x80..=0x8f => Token::Map(u32::from(head & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(head & 0x0f)),
            0xa0..=0xbf => Token::Text(self.take(usize::from(head & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(MsgpackFault::Bad),
            0xc2 | 0xc3 => Token::Bool,
            0xc4 | 0xd9 => {
                let len = self.len8()?;
                Token::Text(self.take(len)?)
            }
            0xc5 | 0xda => {
                let len = self.len16()?;
                Token::Text(self.take(len)?)
            }
            0xc6 | 0xdb => {
                let len = self.len32()? as usize;
                Token::Text(self.take(len)?)
            }
            0xc7 => {
                let len = self.len8()?;
                self.ext(len)?
            }
            0xc8 => {
                let len = self.len16()?;
                self.ext(len)?
            }
            0xc9 => {
                let len = self.len32()? as usize;
                self.ext(len)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Int(i64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Token::Int(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Token::Int(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                let value = u64::from_be_bytes(self.array()?);
                i64::try_from(value).map_or(Token::Big(value), Token::Int)
            }
            0xd0 => Token::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Token::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Token::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Token::Int(i64::from_be_bytes(self.array()?)),
            0xd4 => self.ext(1)?,
            0xd5 => self.ext(2)?,
            0xd6 => self.ext(4)?,
            0xd7 => self.ext(8)?,
            0xd8 => self.ext(16)?,
            0xdc => Token::Array(u32::from(u16::from_be_bytes(self.array()?))),
            0xdd => Token::Array(self.len32()?),
            0xde => Token::Map(u32::from(u16::from_be_bytes(self.array()?))),
            0xdf => Token::Map(self.len32()?),
            0xe0..=0xff => Token::Int(i64::from(i8::from_be_bytes([head]))),
        })
    }

    /// Passes over `count` whole values, however nested.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), MsgpackFault> {
        let mut open = count;
        while open > 0 {
            open -= 1;
            match self.token()? {
                Token::Array(items) => open = open.saturating_add(u64::from(items)),
                Token::Map(pairs) => open = open.saturating_add(2 * u64::from(pairs)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Passes over what `token` announced behind itself: the inside of an array or map, nothing otherwise.
    pub(super) fn skip_inside(&mut self, token: Token<'_>) -> Result<(), MsgpackFault> {
        match token {
            Token::Array(items) => self.skip(u64::from(items)),
            Token::Map(pairs) => self.skip(2 * u64::from(pairs)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MsgpackFault, MsgpackReader, Token};

    #[test]
    fn every_format_reads_as_its_value() {
        let table: &[(&[u8], Token<'_>)] = &[
            (&[0x7f], Token::Int(127)),
            (&[0xe0], Token::Int(-32)),
            (&[0xcc, 0xff], Token::Int(255)),
            (&[0xcd, 0x01, 0x00], Token::Int(256)),
            (&[0xce, 0xff, 0xff, 0xff, 0xff], Token::Int(4_294_967_295)),
            (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Token::Big(u64::MAX)),
            (&[0xd0, 0x80], Token::Int(-128)),
            (&[0xd1, 0x80, 0x00], Token::Int(-32768)),
            (&[0xd2, 0xff, 0xff, 0xff, 0xff], Token::Int(-1)),
            (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Token::Int(i64::MIN)),
            (&[0xca, 0x3f, 0x80, 0, 0], Token::Float(1.0)),
            (&[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], Token::Float(0.5)),
            (&[0xa2, b'o', b'k'], Token::Text(b"ok")),
            (&[0xc4, 1, b'x'], Token::Text(b"x")),
            (&[0xda, 0, 1, b'x'], Token::Text(b"x")),
            (&[0xdb, 0, 0, 0, 1, b'x'], Token::Text(b"x")),
            (&[0xd4, 5, 9], Token::Ext(5, &[9])),
            (&[0xc7, 2, 0xff, 1, 2], Token::Ext(-1, &[1, 2])),
            (&[0x92], Token::Array(2)),
            (&[0xdd, 0, 0, 0, 2], Token::Array(2)),
            (&[0x81], Token::Map(1)),
            (&[0xde, 1, 0], Token::Map(256)),
            (&[0xc0], Token::Nil),
            (&[0xc3], Token::Bool),
        ];
        for (bytes, wanted) in table {
            assert_eq!(MsgpackReader::new(bytes).token(), Ok(*wanted), "{bytes:02x?}");
            for cut in 0..bytes.len() {
                assert_eq!(
                    MsgpackReader::new(&bytes[..cut]).token(),
                    Err(MsgpackFault::Short),
                    "{bytes:02x?} cut at {cut}"
                );
            }
        }
        assert_eq!(MsgpackReader::new(&[0xc1]).token(), Err(MsgpackFault::Bad));
    }

    #[test]
    fn deep_nesting_and_absurd_lengths_cost_only_the_bytes_present() {
        let mut deep = vec![0x91; 1_000_000];
        deep.push(0xc0);
        let mut cursor = MsgpackReader::new(&deep);
        assert_eq!(cursor.skip(1), Ok(()));
        assert_eq!(cursor.left(), 0);
        assert_eq!(MsgpackReader::new(&[0xdd, 0xff, 0xff, 0xff, 0xff]).skip(1), Err(MsgpackFault::Short));
        assert_eq!(MsgpackReader::new(&[0xdf, 0xff, 0xff, 0xff, 0xff, 1]).skip(1), Err(MsgpackFault::Short));
    }
}
