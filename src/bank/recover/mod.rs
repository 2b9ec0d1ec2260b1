//! From the files of a folder back to the models, and what was wrong with them.

mod replay;
mod set_aside;
mod slots_by_id;

use super::frame::ReadError;
use super::live_series::LiveSeries;
use super::notice::StateNotice;
use super::position::{JOURNAL_NAMES, JournalPosition, SNAPSHOT, journal_name};
use super::storage::{Storage, StorageError};
use super::{BankSection, Model};
use replay::{JournalHead, JournalRead, Replay, read_head};
pub(super) use set_aside::rename_bad;
use set_aside::{set_aside, set_aside_all, set_aside_followers};

/// Reads everything into `live`. Only an unreadable folder is an error; a bad file is set aside and told.
pub(super) fn recover<M: Model>(
    storage: &mut dyn Storage,
    sections: &[BankSection<M>],
    live: &mut LiveSeries<M>,
    notices: &mut Vec<StateNotice>,
) -> Result<JournalPosition, StorageError> {
    let mut replay = Replay::new(sections, live);
    let mut position = JournalPosition::start();
    if read_snapshot(storage, &mut replay, &mut position, notices)? {
        while read_next_journal(storage, &mut replay, &mut position, notices)? {}
    }
    position.rewrite |= replay.tell_losses(notices);
    Ok(position)
}

/// Reads the snapshot, if there is one. False when it is unreadable: the journals continue from what is lost, and none
/// of them can be used.
fn read_snapshot<M: Model>(
    storage: &mut dyn Storage,
    replay: &mut Replay<'_, M>,
    position: &mut JournalPosition,
    notices: &mut Vec<StateNotice>,
) -> Result<bool, StorageError> {
    let Some(len) = storage.len(SNAPSHOT)? else { return Ok(true) };
    match replay.snapshot(storage, len) {
        Ok(head) => {
            position.first_journal = head.next_journal;
            position.next_journal = head.next_journal;
            position.next_id = head.next_id;
            position.evicted = head.evicted;
            position.snapshot_bytes = len;
            Ok(true)
        }
        Err(ReadError::Storage(error)) => Err(error),
        Err(why) => {
            replay.clear();
            set_aside(storage, SNAPSHOT, why.to_string(), notices)?;
            set_aside_all(storage, 0..JOURNAL_NAMES, "it continues a snapshot that is unreadable", notices)?;
            position.rewrite = true;
            Ok(false)
        }
    }
}

/// Reads the next journal; false behind the last one.
fn read_next_journal<M: Model>(
    storage: &mut dyn Storage,
    replay: &mut Replay<'_, M>,
    position: &mut JournalPosition,
    notices: &mut Vec<StateNotice>,
) -> Result<bool, StorageError> {
    let number = position.next_journal;
    let name = journal_name(number);
    let Some(len) = storage.len(&name)? else {
        end_before_gap(storage, position, notices)?;
        return Ok(false);
    };
    // a successor says how much of this one counted when it took over
    let base = match read_head(storage, number + 1)? {
        JournalHead::Here { base_len } => Some(base_len),
        _ => None,
    };
    let end = base.unwrap_or(len).min(len);
    let is_shortened = base.is_some_and(|base| base > len);
    let outcome = if end == 0 && !is_shortened {
        position.base_len = 0; // begun, and killed before its first entry was whole
        Ok(JournalRead::Whole)
    } else {
        replay.journal(storage, &name, number, end, position)
    };
    match outcome {
        Ok(JournalRead::Whole) if !is_shortened => {}
        Ok(JournalRead::Older) => {
            storage.remove(&name)?; // a compaction that was cut short did not get to it
            end_before_gap(storage, position, notices)?;
            return Ok(false);
        }
        Err((_, ReadError::Storage(error))) => return Err(error),
        Err((sound, ReadError::Torn { at })) if at == sound && base.is_none() => {
            notices.push(StateNotice::CutWrite { file: name, bytes: len - sound });
            position.base_len = sound;
        }
        bad => {
            let why = match bad {
                Err((_, why)) => why,
                Ok(_) => ReadError::Torn { at: len },
            };
            position.rewrite = true;
            set_aside(storage, &name, why.to_string(), notices)?;
            set_aside_followers(storage, number + 1, "it continues a journal that is unreadable", notices)?;
            position.next_journal = number + 1;
            return Ok(false);
        }
    }
    position.next_journal = number + 1;
    position.journal_bytes += len;
    let names_run_out = position.next_journal - position.first_journal >= JOURNAL_NAMES;
    position.rewrite |= names_run_out;
    Ok(!names_run_out)
}

/// There is no next journal. Those behind it, if there are any, would be taken for successors of what is written next: they
/// continue one that is gone, or a compaction that was cut short did not get to them.
fn end_before_gap(
    storage: &mut dyn Storage,
    position: &mut JournalPosition,
    notices: &mut Vec<StateNotice>,
) -> Result<(), StorageError> {
    // the names of those that were read come round behind these
    for number in position.next_journal + 1..position.first_journal + JOURNAL_NAMES {
        let name = journal_name(number);
        match read_head(storage, number)? {
            JournalHead::Missing => break,
            JournalHead::Older => storage.remove(&name)?,
            JournalHead::Here { .. } => {
                set_aside_followers(storage, number, "it continues a journal that is missing", notices)?;
                position.rewrite = true;
                break;
            }
            JournalHead::Bad(why) => set_aside(storage, &name, why.to_string(), notices)?,
        }
    }
    Ok(())
}
