//! A forward server that behaves by script, over TCP or TLS.

use rmpv::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with one message (or, for the first ones, with the connection).
#[derive(Debug, Clone)]
pub enum Act {
    /// Takes the message and acknowledges it.
    Ack,
    /// Takes it, acknowledges, closes.
    AckAndClose,
    /// Takes it and says nothing.
    Silent,
    /// Takes it and closes.
    Close,
    /// Closes after so many bytes of the message.
    CloseAfter(usize),
    /// Takes it and acknowledges another id.
    AckOther,
    /// Takes it and answers these bytes.
    Say(Vec<u8>),
    /// Takes it and answers so many bytes of one endless string.
    Flood(usize),
    /// Acknowledges one byte at a time.
    AckSlowly(Duration),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub connection: usize,
    pub bytes: Vec<u8>,
    pub tag: String,
    pub chunk: String,
    pub size: u64,
    pub gzip: bool,
    /// (seconds, nanoseconds) of the EventTime, record.
    pub entries: Vec<((u32, u32), Value)>,
    pub acked: bool,
}

/// Shared key, user, password.
#[derive(Debug, Clone)]
pub struct Security {
    pub key: &'static str,
    pub user: &'static str,
    pub password: &'static str,
    pub hostname: &'static str,
    /// Fluentd sends bin, Fluent Bit str.
    pub as_bin: bool,
}

pub struct Server {
    pub port: u16,
    pub messages: Arc<Mutex<Vec<Message>>>,
    pub connections: Arc<Mutex<usize>>,
}

pub trait Pipe: Read + Write + Send {}
impl<T: Read + Write + Send> Pipe for T {}
pub type Wrap = dyn Fn(TcpStream) -> Box<dyn Pipe> + Send + Sync;

impl Server {
    /// Acts on the messages in the order of `script`, then `Ack` for ever.
    pub fn start(script: Vec<Act>) -> Self {
        Self::with(script, None, Box::new(|socket| Box::new(socket)))
    }

    pub fn with(script: Vec<Act>, security: Option<Security>, wrap: Box<Wrap>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages: Arc<Mutex<Vec<Message>>> = Arc::default();
        let connections: Arc<Mutex<usize>> = Arc::default();
        let (log, count) = (messages.clone(), connections.clone());
        let script = Arc::new(Mutex::new(script.into_iter()));
        let wrap: Arc<Wrap> = wrap.into();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                *count.lock().unwrap() += 1;
                let connection = *count.lock().unwrap();
                let (log, script, security, wrap) =
                    (log.clone(), script.clone(), security.clone(), wrap.clone());
                thread::spawn(move || {
                    let mut pipe = wrap(socket);
                    if security.is_none_or(|security| shake_hands(&mut *pipe, &security).is_some()) {
                        while serve(&mut *pipe, connection, &log, &script).is_some() {}
                    }
                });
            }
        });
        Self { port, messages, connections }
    }

    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// (tag, record) of all acknowledged messages, in order.
    pub fn records(&self) -> Vec<(String, Value)> {
        let taken = |message: Message| {
            message
                .entries
                .into_iter()
                .map(move |(_, record)| (message.tag.clone(), record))
                .collect::<Vec<_>>()
        };
        self.messages().into_iter().filter(|message| message.acked).flat_map(taken).collect()
    }
}

struct Tee<'a>(&'a mut dyn Pipe, Vec<u8>);

impl Read for Tee<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buf)?;
        self.1.extend_from_slice(&buf[..count]);
        Ok(count)
    }
}

fn serve(
    pipe: &mut dyn Pipe,
    connection: usize,
    log: &Mutex<Vec<Message>>,
    script: &Mutex<std::vec::IntoIter<Act>>,
) -> Option<()> {
    let mut first = [0];
    pipe.read_exact(&mut first).ok()?;
    let act = script.lock().unwrap().next().unwrap_or(Act::Ack);
    if let Act::CloseAfter(count) = act {
        pipe.read_exact(&mut vec![0; count.saturating_sub(1)]).ok()?;
        return None;
    }
    let mut tee = Tee(pipe, first.to_vec());
    let value = rmpv::decode::read_value(&mut std::io::Cursor::new(first).chain(&mut tee)).ok()?;
    let bytes = tee.1;
    let parts = value.as_array()?;
    assert_eq!(parts.len(), 3, "an option map is always there");
    let option = |name: &str| {
        parts[2]
            .as_map()
            .unwrap()
            .iter()
            .find(|(key, _)| key.as_str() == Some(name))
            .map(|(_, value)| value.clone())
    };
    let chunk = option("chunk").unwrap().as_str().unwrap().to_owned();
    let gzip = option("compressed").is_some_and(|value| value.as_str() == Some("gzip"));
    let Value::Binary(body) = &parts[1] else { panic!("the body is bin") };
    let mut plain = body.clone();
    if gzip {
        plain.clear();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
    }
    let mut rest = &plain[..];
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let entry = rmpv::decode::read_value(&mut rest).unwrap();
        let Value::Ext(0, time) = &entry[0] else { panic!("an EventTime") };
        let part = |at: usize| u32::from_be_bytes(time[at..at + 4].try_into().unwrap());
        entries.push(((part(0), part(4)), entry[1].clone()));
    }
    let acked = matches!(act, Act::Ack | Act::AckAndClose | Act::AckSlowly(_));
    let tag = parts[0].as_str().unwrap().to_owned();
    let size = option("size").unwrap().as_u64().unwrap();
    log.lock().unwrap().push(Message {
        connection,
        bytes,
        tag,
        chunk: chunk.clone(),
        size,
        gzip,
        entries,
        acked,
    });

    // {"ack": id}, literally
    let ack = |id: &str| [&b"\x81\xa3ack\xd9"[..], &[id.len() as u8], id.as_bytes()].concat();
    match act {
        Act::Ack | Act::AckAndClose => pipe.write_all(&ack(&chunk)).ok()?,
        Act::AckOther => pipe.write_all(&ack("AAAAAAAAAAAAAAAAAAAAAA==")).ok()?,
        Act::Say(ref bytes) => pipe.write_all(bytes).ok()?,
        Act::Flood(count) => {
            pipe.write_all(b"\xdb\xff\xff\xff\xff").ok()?;
            for _ in 0..count / 4096 {
                pipe.write_all(&[b'x'; 4096]).ok()?;
            }
        }
        Act::AckSlowly(pause) => {
            for byte in ack(&chunk) {
                pipe.write_all(&[byte]).ok()?;
                pipe.flush().ok()?;
                thread::sleep(pause);
            }
        }
        Act::Silent => thread::sleep(Duration::from_secs(30)),
        Act::Close | Act::CloseAfter(_) => return None,
    }
    pipe.flush().ok()?;
    if matches!(act, Act::AckAndClose) { None } else { Some(()) }
}

pub fn sha512_hex(parts: &[&[u8]]) -> String {
    use sha2::{Digest, Sha512};
    let digest = Sha512::digest(parts.concat());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shake_hands(pipe: &mut dyn Pipe, security: &Security) -> Option<()> {
    // 16 raw bytes that are no UTF-8
    let nonce = b"\xff\xfe\x00\x01\x80\x81\x82\x83nonce\xf0\x28\x8c";
    let auth = b"\xc3\x28\xa0\xa1salt\xe2\x28\xa1\xff\xfe\xfd\xfc\xfb";
    let marker: &[u8] = if security.as_bin { &[0xc4, 16] } else { &[0xb0] };
    let mut helo = b"\x92\xa4HELO\x82\xa5nonce".to_vec();
    helo.extend_from_slice(marker);
    helo.extend_from_slice(nonce);
    helo.extend_from_slice(b"\xa4auth");
    helo.extend_from_slice(marker);
    helo.extend_from_slice(auth);
    // in two parts: an answer need not come at once
    pipe.write_all(&helo[..9]).ok()?;
    pipe.flush().ok()?;
    thread::sleep(Duration::from_millis(20));
    pipe.write_all(&helo[9..]).ok()?;
    pipe.flush().ok()?;
    let ping = rmpv::decode::read_value(&mut &mut *pipe).ok()?;
    let text = |at: usize| ping[at].as_str().expect("all six are str");
    assert_eq!((ping.as_array().unwrap().len(), text(0)), (6, "PING"));
    let (host, salt) = (text(1), text(2));
    let key = security.key.as_bytes();
    let good = text(3) == sha512_hex(&[salt.as_bytes(), host.as_bytes(), nonce, key])
        && text(4) == security.user
        && text(5) == sha512_hex(&[auth, security.user.as_bytes(), security.password.as_bytes()]);
    let (reason, name, digest) = if good {
        ("", security.hostname, sha512_hex(&[salt.as_bytes(), security.hostname.as_bytes(), nonce, key]))
    } else {
        ("shared_key mismatch", "", String::new())
    };
    let pong = Value::from(vec![good.into(), reason.into(), name.into(), Value::from(digest)]);
    let mut all = vec![Value::from("PONG")];
    all.extend(pong.as_array().unwrap().iter().cloned());
    rmpv::encode::write_value(&mut &mut *pipe, &Value::Array(all)).ok()?;
    pipe.flush().ok()?;
    good.then_some(())
}
