//! A file that a running pipeline writes, read as `tail -F` reads it: whole lines as they come, over a rename and a cut.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fluent_anomaly::sources::series_file::{self, Form};

/// Bytes of lines that are kept; beyond them the older half is forgotten.
const MOST: usize = 64 << 20;
/// Bytes before the place that was read last, by which a file is known that was cut and has grown again.
const KNOWN: usize = 64;

/// The lines of such a file so far.
#[derive(Debug)]
pub(super) struct Followed {
    path: PathBuf,
    open: Option<Open>,
    text: Vec<u8>,
    most: usize,
    /// Lines were forgotten.
    is_partial: bool,
}

/// The file at hand.
#[derive(Debug)]
struct Open {
    file: File,
    /// Bytes that were read.
    read: u64,
    /// The last of them.
    known: Vec<u8>,
    /// A line whose end is not there yet.
    begun: Vec<u8>,
    /// A first line that repeats the names of the columns is still to come.
    at_head: bool,
}

impl Followed {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, text: Vec::new(), most: MOST, is_partial: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether lines were forgotten.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The whole lines so far.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes in what has come. Gives whether there are more lines than before.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        let before = self.text.len();
        if let Some(mut open) = self.open.take() {
            // what went to it before it was renamed is read as well
            self.read_on(&mut open)?;
            self.open = Some(open);
        }
        let there = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            there => Some(there?),
        };
        let now = self.open.as_ref().map(|open| open.file.metadata()).transpose()?;
        let is_other = |there: &fs::Metadata| {
            now.as_ref().is_none_or(|now| (now.dev(), now.ino()) != (there.dev(), there.ino()))
        };
        if there.as_ref().is_some_and(is_other) {
            if let Some(mut old) = self.open.take() {
                // nobody ends that line any more
                self.end(&mut old);
                tell!("{}: another file has this name now: it goes on with that", self.path.display());
            }
            let mut open = Open::new(File::open(&self.path)?);
            self.read_on(&mut open)?;
            self.open = Some(open);
        }
        let has_more = self.text.len() != before;
        self.forget();
        Ok(has_more)
    }

    fn read_on(&mut self, open: &mut Open) -> io::Result<()> {
        if open.was_cut()? {
            tell!("{}: it was cut: it is read from its begin", self.path.display());
            self.end(open);
            (open.read, open.at_head) = (0, true);
            open.known.clear();
        }
        open.file.seek(SeekFrom::Start(open.read))?;
        let mut new = mem::take(&mut open.begun);
        let count = open.file.read_to_end(&mut new)?;
        open.read += count as u64;
        let known = new.len().saturating_sub(KNOWN.min(count));
        open.known = new.get(known..).unwrap_or_default().to_vec();
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        open.begun = new.split_off(whole);
        self.take(open, &new);
        Ok(())
    }

    /// Takes whole lines in. A file of columns names them in its first line, which counts once.
    fn take(&mut self, open: &mut Open, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let is_again = mem::take(&mut open.at_head) && !self.text.is_empty() && self.has_head();
        let head = first_line(&self.text);
        let lines = if is_again { lines.strip_prefix(head).unwrap_or(lines) } else { lines };
        self.text.extend_from_slice(lines);
    }

    /// Ends a line that is not ended.
    fn end(&mut self, open: &mut Open) {
        let mut rest = mem::take(&mut open.begun);
        if !rest.trim_ascii().is_empty() {
            rest.push(b'\n');
            self.take(open, &rest);
        }
    }

    fn has_head(&self) -> bool {
        series_file::form(&self.text) == Form::Csv
    }

    /// Forgets the older half where there is too much.
    fn forget(&mut self) {
        if self.text.len() <= self.most {
            return;
        }
        let head = if self.has_head() { first_line(&self.text).len() } else { 0 };
        let least = self.text.len() - self.most / 2;
        let behind = self.text.get(least..).unwrap_or_default();
        let end = behind.iter().position(|&byte| byte == b'\n').map_or(self.text.len(), |at| least + at + 1);
        self.text.drain(head.min(end)..end);
        self.is_partial = true;
    }
}

impl Open {
    fn new(file: File) -> Self {
        Self { file, read: 0, known: Vec::new(), begun: Vec::new(), at_head: true }
    }

    /// It is shorter than what was read of it, or something else stands there now.
    fn was_cut(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() < self.read {
            return Ok(true);
        }
        let mut there = vec![0; self.known.len()];
        self.file.seek(SeekFrom::Start(self.read - self.known.len() as u64))?;
        match self.file.read_exact(&mut there) {
            Ok(()) => Ok(there != self.known),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// With its end.
fn first_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_file_is_followed_from_before_it_is_there_over_a_rename_and_a_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let mut followed = Followed::new(&path);
        let mut text = |step: &dyn Fn()| {
            step();
            let before = followed.text().len();
            let has_more = followed.look().unwrap();
            assert_eq!(has_more, followed.text().len() != before);
            String::from_utf8(followed.text().to_vec()).unwrap()
        };
        assert_eq!(text(&|| ()), "");
        assert_eq!(text(&|| append(&path, "time,value\n0,1\n60,")), "time,value\n0,1\n");
        assert_eq!(text(&|| append(&path, "2\n")), "time,value\n0,1\n60,2\n");
        // renamed, written on, and another one begun, which says its columns again
        let rotate = || {
            fs::rename(&path, folder.path().join("out.csv.1")).unwrap();
            append(&folder.path().join("out.csv.1"), "120,3\n180,4");
            append(&path, "time,value\n240,5\n");
        };
        assert_eq!(text(&rotate), "time,value\n0,1\n60,2\n120,3\n180,4\n240,5\n");
        // cut and written anew
        let cut = || fs::write(&path, "time,value\n300,6\n").unwrap();
        assert_eq!(text(&cut), "time,value\n0,1\n60,2\n120,3\n180,4\n240,5\n300,6\n");
        // cut and longer than before at once
        let cut = || fs::write(&path, "360,7\n420,8\n480,9\n540,10\n").unwrap();
        assert!(text(&cut).ends_with("300,6\n360,7\n420,8\n480,9\n540,10\n"));
        // gone for a while
        text(&|| fs::remove_file(&path).unwrap());
        assert!(text(&|| append(&path, "600,11\n")).ends_with("540,10\n600,11\n"));
        assert!(text(&|| append(&path, "660,12\n")).ends_with("600,11\n660,12\n"));
    }

    #[test]
    fn the_older_half_of_too_many_lines_is_forgotten_but_for_the_names_of_the_columns() {
        let folder = tempfile::tempdir().unwrap();
        for (name, head) in [("a.csv", "time,value\n"), ("a.jsonl", "")] {
            let path = folder.path().join(name);
            let mut followed = Followed { most: 1000, ..Followed::new(&path) };
            append(&path, head);
            for n in 0..200 {
                let line = |n: i32| match head {
                    "" => format!("{{\"time\":{n},\"value\":{n}}}\n"),
                    _ => format!("{n},{n}\n"),
                };
                append(&path, &line(n));
                assert!(followed.look().unwrap());
                let text = std::str::from_utf8(followed.text()).unwrap();
                assert!(text.len() <= 1000 && text.starts_with(head) && text.ends_with(&line(n)), "{text}");
                assert!(head.is_empty() == text.starts_with('{'), "whole lines: {text}");
            }
            assert!(followed.is_partial);
        }
    }
}
