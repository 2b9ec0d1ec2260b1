//! Bad files get another name, so that they are neither read again nor lost.

use std::ops::Range;

use crate::bank::notice::StateNotice;
use crate::bank::position::{JOURNAL_NAMES, journal_name};
use crate::bank::storage::{Storage, StorageError};

/// Renames a file and tells why.
pub(super) fn set_aside(
    storage: &mut dyn Storage,
    name: &str,
    why: String,
    notices: &mut Vec<StateNotice>,
) -> Result<(), StorageError> {
    let to = rename_bad(storage, name)?;
    notices.push(StateNotice::SetAside { file: name.to_owned(), to, why });
    Ok(())
}

/// Renames a file; returns its new name.
pub(in crate::bank) fn rename_bad(storage: &mut dyn Storage, name: &str) -> Result<String, StorageError> {
    const KEPT: usize = 10;
    let mut to = format!("{name}.bad");
    for n in 1..KEPT {
        if storage.len(&to)?.is_none() {
            break;
        }
        to = format!("{name}.bad{n}");
    }
    storage.rename(name, &to)?;
    Ok(to)
}

/// Renames the journals of these numbers that exist.
pub(super) fn set_aside_all(
    storage: &mut dyn Storage,
    numbers: Range<u64>,
    why: &str,
    notices: &mut Vec<StateNotice>,
) -> Result<(), StorageError> {
    for number in numbers {
        let name = journal_name(number);
        if storage.len(&name)?.is_some() {
            set_aside(storage, &name, why.to_owned(), notices)?;
        }
    }
    Ok(())
}

/// Renames the journals from this number on, up to the first that does not exist.
pub(super) fn set_aside_followers(
    storage: &mut dyn Storage,
    from: u64,
    why: &str,
    notices: &mut Vec<StateNotice>,
) -> Result<(), StorageError> {
    for number in from..from + JOURNAL_NAMES - 1 {
        let name = journal_name(number);
        if storage.len(&name)?.is_none() {
            break;
        }
        set_aside(storage, &name, why.to_owned(), notices)?;
    }
    Ok(())
}
