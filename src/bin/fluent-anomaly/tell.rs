//! Standard error for people.

/// As `eprintln!`, but that a reader who is gone is no reason to stop: records still have to be scored.
macro_rules! tell {
    ($($argument:tt)*) => {{
        let line = format_args!($($argument)*);
        drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{line}\n")));
    }};
}
