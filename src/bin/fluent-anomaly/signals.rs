//! Signals of the system, heard by a thread of their own.

use std::io;
use std::thread;

use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Calls `hear` with each of these signals from now on.
pub(crate) fn listen(signals: &[i32], mut hear: impl FnMut(i32) + Send + 'static) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::of("signals", error);
    let mut signals = Signals::new(signals).map_err(failed)?;
    let work = move || signals.forever().for_each(&mut hear);
    thread::Builder::new().name("signals".into()).spawn(work).map_err(failed)?;
    Ok(())
}
