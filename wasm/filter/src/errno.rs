//! Error numbers of WASI.

/// WASI preview 1's error number, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u16);

impl Errno {
    pub(crate) const EXIST: Errno = Errno(20);
    pub(crate) const NOENT: Errno = Errno(44);

    /// In words, for those that users meet.
    pub(crate) fn explain(self) -> String {
        let words = match self.0 {
            2 => "permission denied",
            20 => "it exists already",
            29 => "input/output error",
            31 => "it is a directory",
            33 => "too many open files",
            44 => "no such file or directory",
            51 => "no space left on device",
            54 => "it is not a directory",
            69 => "read-only file system",
            76 => "outside of accessible_paths",
            other => return "WASI error ".to_owned() + &other.to_string(), // without format!: stack
        };
        words.to_owned()
    }
}
