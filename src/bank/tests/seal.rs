//! Files that were changed, with the checksums of what they hold. The fuzz target of the state includes this file, too.

use super::{Reader, checksum};

/// Gives each frame the checksum of its payload, as far as there are whole frames.
pub(super) fn seal(file: &mut [u8]) {
    let (mut at, mut chain) = (8, 0);
    while let Some(frame) = file.get_mut(at..) {
        let mut reader = Reader::new(frame);
        let Ok(len) = reader.varint("length") else { return };
        let head = frame.len() - reader.rest().len();
        let end = head.saturating_add(4).saturating_add(len as usize);
        let Some(payload) = frame.get(head + 4..end) else { return };
        chain = checksum(chain, payload);
        frame[head..head + 4].copy_from_slice(&(chain as u32).to_le_bytes());
        at += end;
    }
}
