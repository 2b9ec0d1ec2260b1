//! `demo`: the main job on a simulated fleet.

use crate::failure::Failure;

/// Score a simulated fleet: no files, keys or network needed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<(), Failure> {
    Ok(())
}
