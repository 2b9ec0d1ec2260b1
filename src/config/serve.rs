//! `[serve]`: the aggregator. Native hosts alone read it: the filter has no use for it, and each key would make its
//! module larger.

use super::ini::IniSection;
use super::problem::{ConfigProblem, not_allowed};
use super::section_reader::SectionReader;
use crate::config::secret::Secret;

/// The title of the section.
pub(super) const NAME: &str = "serve";

/// Most threads that score.
const MAX_THREADS: u64 = 64;

/// `[serve]`: what the aggregator needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeSection {
    /// Threads that score, each with the models of its part of the series; 1..=64.
    pub threads: usize,
    /// Clients that are connected at once, 1..=100000.
    pub max_connections: usize,
    /// Bytes of a message, and of its unpacked body.
    pub max_frame: usize,
    /// Bytes that messages and chunks of all clients may take together.
    pub memory: usize,
    /// What clients have to know; without it anyone may send who can connect.
    pub shared_key: Option<Secret>,
    /// Who may send, with their passwords; nobody: whoever knows the shared key.
    pub users: Vec<(String, Secret)>,
    /// How this server calls itself; a client's own name must be another one.
    pub self_hostname: String,
    /// Files of the certificate and its key, for `tls://`.
    pub tls_cert_file: Option<String>,
    /// See `tls_cert_file`.
    pub tls_key_file: Option<String>,
    /// File of certificates: clients must have one that is signed by one of these.
    pub tls_client_ca_file: Option<String>,
}

impl Default for ServeSection {
    fn default() -> Self {
        Self {
            threads: 1,
            max_connections: 1000,
            max_frame: 32 << 20,
            memory: 256 << 20,
            shared_key: None,
            users: Vec::new(),
            self_hostname: "fluent-anomaly-serve".to_owned(),
            tls_cert_file: None,
            tls_key_file: None,
            tls_client_ca_file: None,
        }
    }
}

impl ServeSection {
    pub(super) fn find(file: &str, ini: &[IniSection], problems: &mut Vec<ConfigProblem>) -> Self {
        let Some(section) = ini.iter().find(|section| section.name == NAME) else { return Self::default() };
        let mut keys = SectionReader::new(file, section, problems);
        let read = Self::read(&mut keys);
        keys.finish();
        read
    }

    fn read(keys: &mut SectionReader<'_>) -> Self {
        let default = Self::default();
        let number = |keys: &mut SectionReader<'_>, key, allowed, default| {
            keys.integer(key, allowed).map_or(default, |number| number as usize)
        };
        let read = Self {
            threads: number(keys, "threads", 1..=MAX_THREADS, default.threads),
            max_connections: number(keys, "max_connections", 1..=100_000, default.max_connections),
            max_frame: number(keys, "max_frame_mb", 1..=1024, default.max_frame >> 20) << 20,
            memory: number(keys, "memory_mb", 16..=1 << 20, default.memory >> 20) << 20,
            shared_key: keys.text("shared_key").map(Secret::new),
            users: keys.parsed("users", read_users).unwrap_or_default(),
            self_hostname: keys.unquoted("self_hostname").map_or(default.self_hostname, str::to_owned),
            tls_cert_file: keys.unquoted("tls_cert_file").map(str::to_owned),
            tls_key_file: keys.unquoted("tls_key_file").map(str::to_owned),
            tls_client_ca_file: keys.unquoted("tls_client_ca_file").map(str::to_owned),
        };
        if read.memory < 4 * read.max_frame {
            let least = (4 * read.max_frame) >> 20;
            keys.complain_about(
                "memory_mb",
                format!(
                    "{} is not allowed: at least four times max_frame_mb, here {least}",
                    read.memory >> 20
                ),
            );
        }
        if !read.users.is_empty() && read.shared_key.is_none() {
            keys.complain_about(
                "users",
                "users need a shared_key: it begins the handshake that asks for them",
            );
        }
        if read.tls_cert_file.is_some() != read.tls_key_file.is_some() {
            keys.complain("tls_cert_file and tls_key_file are needed together");
        }
        if read.tls_client_ca_file.is_some() && read.tls_cert_file.is_none() {
            keys.complain_about("tls_client_ca_file", "it needs tls_cert_file and tls_key_file");
        }
        read
    }
}

/// `name:password`, several with blanks between. The message shows no password.
fn read_users(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let user =
        |word: &str| match word.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                Ok((name.to_owned(), Secret::new(password)))
            }
            _ => Err("a user without a password is not allowed: name:password, several with blanks between"
                .to_owned()),
        };
    if text.is_empty() {
        return Err(not_allowed(text, "name:password, several with blanks between"));
    }
    text.split_whitespace().map(user).collect()
}
