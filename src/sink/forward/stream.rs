//! A server's connection, plain or within TLS.

use super::settings::{ForwardServer, ForwardSettings, ForwardSettingsError};
use crate::companion::{TimedSocket, TimedStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// A blocking read returns after this time with `WouldBlock`, so that its caller can look for a stop request.
const SLICE: Duration = Duration::from_millis(100);

/// A connected stream.
pub(super) type ForwardStream = TimedStream<ClientConnection>;

/// Connects and, for a TLS server, verifies its certificate.
pub(super) fn connect(
    server: &ForwardServer,
    tls: Option<&Arc<ClientConfig>>,
    deadline: Instant,
) -> io::Result<ForwardStream> {
    let socket = connect_tcp(server, deadline)?;
    socket.set_nodelay(true)?;
    let session = match tls.filter(|_| server.tls) {
        Some(config) => {
            let name = ServerName::try_from(server.host.clone())
                .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error.to_string()))?;
            Some(ClientConnection::new(config.clone(), name).map_err(io::Error::other)?)
        }
        None => None,
    };
    TimedStream::new(TimedSocket::sliced(Arc::new(socket), deadline, SLICE), session)
}

/// False when the other side has closed, or has said something that nobody asked for.
pub(super) fn is_idle(stream: &ForwardStream) -> bool {
    let (socket, tls) = (stream.socket(), matches!(stream, TimedStream::Tls(_)));
    if socket.set_nonblocking(true).is_err() {
        return false;
    }
    let seen = socket.peek(&mut [0]);
    if socket.set_nonblocking(false).is_err() {
        return false;
    }
    match seen {
        // session tickets of TLS 1.3 arrive when they like
        Ok(count) => tls && count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn connect_tcp(server: &ForwardServer, deadline: Instant) -> io::Result<TcpStream> {
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in resolve(server, left()?)? {
        match TcpStream::connect_timeout(&address, left()?) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The system's resolver knows no time-out, so it gets a thread of its own.
fn resolve(server: &ForwardServer, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, server.port)]);
    }
    let (send, receive) = mpsc::channel();
    let target = (server.host.clone(), server.port);
    std::thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        // the receiver may have given up
        let _ = send.send(target.to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    })?;
    receive
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(io::Error::new(ErrorKind::TimedOut, "name resolution")))
}

/// TLS with verified certificates: the public roots, and those of `ca_file`. `None` if no server wants TLS.
pub(super) fn tls_config(
    settings: &ForwardSettings,
) -> Result<Option<Arc<ClientConfig>>, ForwardSettingsError> {
    if !settings.servers.iter().any(|server| server.tls) {
        return Ok(None);
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &settings.ca_file {
        let wrong =
            |reason: String| ForwardSettingsError::CaFile { path: path.display().to_string(), reason };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(wrong("no certificate in it".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ForwardSettingsError::Tls { reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}
