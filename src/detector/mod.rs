//! Numbers and time, nothing else: no I/O, no clock, no allocation per point.
pub mod calibrated;
