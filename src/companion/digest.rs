//! The digest by which the two sides of the forward protocol show that they know a secret.

use sha2::{Digest, Sha512};

/// SHA-512 of the parts, one behind the other, as hex digits in lower case.
pub(crate) fn hex_sha512(parts: &[&[u8]]) -> String {
    let mut hasher = Sha512::new();
    parts.iter().for_each(|part| hasher.update(part));
    let mut text = String::with_capacity(128);
    for byte in hasher.finalize() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha512_of_the_standard() {
        // FIPS 180-4 example "abc"
        assert_eq!(
            hex_sha512(&[b"a", b"bc"]),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }
}
