//! The companion binary: one file a command.
fn main() {}
