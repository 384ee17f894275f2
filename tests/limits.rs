//! Tests that a malicious or broken server cannot fill the connector's memory, block it forever, or weaken
//! its TLS.
//!
//! The servers write bytes, because no HTTP library sends such responses.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use harness::{Connection, Run, ServerThread};
use serde_json::json;
use source_zendesk_audit_logs::zendesk::Failure;
use zendesk_sandbox::credentials::ACCESS_TOKEN;

/// A server that runs a closure for each connection, several at a time.
struct Server {
    /// The number of bytes that were written and accepted by the system.
    sent: Arc<AtomicU64>,
    connections: Arc<AtomicUsize>,
    thread: ServerThread,
}

impl Server {
    /// Reads the head of a request, then sends the closure's parts until they end or the connection closes.
    fn start<I: Iterator<Item = Vec<u8>>>(response: impl Fn() -> I + Send + Sync + 'static) -> Self {
        let (sent, connections) = (Arc::default(), Arc::default());
        let counters: (Arc<AtomicU64>, Arc<AtomicUsize>) = (Arc::clone(&sent), Arc::clone(&connections));
        let thread = ServerThread::start(move |streams| {
            std::thread::scope(|threads| {
                for stream in streams {
                    counters.1.fetch_add(1, Ordering::SeqCst);
                    threads.spawn(|| serve(stream, response(), &counters.0));
                }
            });
        });
        Self { sent, connections, thread }
    }

    fn connection(&self, scheme: &str) -> Connection {
        let base_url = format!("{scheme}://{}", self.thread.address);
        Connection::with(Some(base_url), json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN }))
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, response: impl Iterator<Item = Vec<u8>>, sent: &AtomicU64) {
    // A client that neither reads nor disconnects must not hang the test.
    let _ = stream.set_write_timeout(Some(Duration::from_mins(1)));
    if stream.read(&mut [0; 4096]).is_ok() {
        for part in response {
            if stream.write_all(&part).is_err() {
                return;
            }
            sent.fetch_add(part.len() as u64, Ordering::SeqCst);
        }
    }
}

/// The number of parts after which a response ends, so that a connector without a limit fails a test instead
/// of filling the machine's memory.
const MOST_PARTS: usize = 4_096;

/// Returns a head, followed by the same part repeatedly.
fn endless(head: &str, again: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<> {
    std::iter::once(head.as_bytes().to_vec()).chain(std::iter::repeat_n(again.to_vec(), MOST_PARTS))
}

#[track_caller]
fn internal(run: &Run) -> String {
    let details =
        run.logs("INFO").into_iter().find_map(|line| line.strip_prefix("Technical details: ").map(str::to_owned));
    details.unwrap_or_else(|| panic!("no details: {}", run.stdout))
}

/// The number of bytes that the system may buffer, for three attempts.
const BUFFERED: u64 = 3 * (8 << 20);

#[test]
fn endless_headers_are_rejected() {
    let many: Vec<u8> = "X-Filler: x\r\n".repeat(1_000).into_bytes();
    let long = [&b"X-Filler: "[..], &vec![b'x'; 60_000], b"\r\n"].concat();
    let one_line = vec![b'x'; 64 << 10];
    for (name, head, again) in [
        ("many", "HTTP/1.1 200 OK\r\n", &many),
        ("long", "HTTP/1.1 200 OK\r\n", &long),
        ("one without end", "HTTP/1.1 200 OK\r\nX-Filler: ", &one_line),
        ("a status line without end", "HTTP/1.1 200 O", &one_line),
    ] {
        let again = again.clone();
        let server = Server::start(move || endless(head, &again));
        let run = server.connection("http").check();
        assert_eq!(run.failed_check(), Failure::ConnectionLost.to_string(), "{name}");
        let details = internal(&run);
        assert!(details.contains("message head is too large"), "{name}: {details}");
        assert_eq!(server.connections.load(Ordering::SeqCst), 3, "{name}: the number of attempts");
        assert!(server.sent() < BUFFERED, "{name}: {} bytes were accepted", server.sent());
    }
}

#[test]
fn an_oversized_body_is_rejected() {
    let record = br#"{"id":1,"x":""#;
    let text = vec![b'x'; 64 << 10];
    let head = format!("HTTP/1.1 200 OK\r\n\r\n{{\"audit_logs\":[{}", String::from_utf8_lossy(record));
    let server = Server::start(move || endless(&head, &text));
    let run = server.connection("http").check();
    let what = "a body of more than 16 MiB".to_owned();
    assert_eq!(run.failed_check(), Failure::TooLarge { what: what.clone() }.to_string());
    assert!(internal(&run).contains(&what));
    assert!(server.sent() < 3 * (16 << 20) + BUFFERED, "{} bytes were accepted", server.sent());
}

#[test]
fn a_gzip_bomb_is_rejected() {
    let bomb = gzip_of_blanks(256 << 20);
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let server = Server::start(move || [head.clone().into_bytes(), bomb.clone()].into_iter());
    let run = server.connection("http").check();
    let what = "a body of more than 16 MiB".to_owned();
    assert_eq!(run.failed_check(), Failure::TooLarge { what }.to_string());
}

/// Returns a gzip file of this many spaces: fixed Huffman codes, a literal and then copies of 258 bytes from
/// one byte before. Its checksum is wrong, but no reader reaches it.
fn gzip_of_blanks(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0_u32, 0);
    let mut put = |value: u32, width: u32| {
        bits |= value << count;
        count += width;
        while count >= 8 {
            bytes.push((bits & 0xff) as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    // The last block, fixed codes; Huffman codes go in from their highest bit.
    put(1, 1);
    put(1, 2);
    let code = |value: u32, width: u32| value.reverse_bits() >> (32 - width);
    put(code(0x30 + u32::from(b' '), 8), 8);
    for _ in 0..length / 258 {
        // The length 258 is symbol 285, the distance 1 is code 0.
        put(code(0b1100_0000 + (285 - 280), 8), 8);
        put(0, 5);
    }
    put(0, 7);
    put(0, 7);
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn only_the_beginning_of_an_endless_error_body_is_read() {
    for status in ["401 Unauthorized", "403 Forbidden", "500 Oops"] {
        let id = "i".repeat(10_000);
        let head = format!("HTTP/1.1 {status}\r\nX-Zendesk-Request-Id: {id}\r\n\r\n[0");
        let server = Server::start(move || endless(&head, &b",0".repeat(32 << 10)));
        let run = server.connection("http").check();
        run.failed_check();
        assert!(internal(&run).contains("body: incomplete or large JSON, 1048576 bytes"), "{}", run.stdout);
        assert!(run.stdout.len() < 4_096, "{status}: the message is too long");
        assert!(server.sent() < BUFFERED, "{status}: {} bytes were accepted", server.sent());
    }
}

#[test]
fn endless_interim_responses_time_out() {
    let server = Server::start(|| endless("", &b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(64)));
    let mut connection = server.connection("http");
    connection.timeouts = Some(source_zendesk_audit_logs::zendesk::Timeouts {
        connect: Duration::from_secs(10),
        read: Duration::from_millis(500),
        total: Duration::from_secs(1),
    });
    connection.check().failed_check();
}

/// Returns the `supported_versions` of a `ClientHello`, or the legacy version of a hello without them.
fn versions(hello: &[u8]) -> Vec<u16> {
    let number = |at: usize| u16::from_be_bytes([hello[at], hello[at + 1]]);
    // Record header 5, handshake header 4, version 2, random 32.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(number(at));
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + usize::from(number(at));
    at += 2;
    while at < end {
        let (kind, length) = (number(at), usize::from(number(at + 2)));
        if kind == 43 {
            let list = at + 5..at + 4 + length;
            return list.step_by(2).map(number).collect();
        }
        at += 4 + length;
    }
    vec![number(9)]
}

#[test]
fn tls_before_1_2_is_neither_offered_nor_accepted() {
    let (hellos, received) = std::sync::mpsc::channel();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    // 1.0, 1.1: the ServerHello with an old version, and a cipher suite that the client has offered.
    let server = std::thread::spawn(move || {
        for old in [1_u8, 2, 1] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut hello = vec![0; 4096];
            let length = stream.read(&mut hello).expect("a ClientHello");
            hello.truncate(length);
            let _ = hellos.send(hello);
            let body = [&[3, old][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat();
            let length = u8::try_from(body.len()).expect("short");
            let message = [&[22, 3, old, 0, length + 4, 2, 0, 0, length][..], &body].concat();
            let _ = stream.write_all(&message);
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            // At most an alert: no application data (23), which would contain the credentials.
            assert!(rest.is_empty() || rest[0] == 21, "{rest:?}");
        }
    });
    let connection = Connection::with(
        Some(format!("https://{address}")),
        json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN }),
    );
    let run = connection.check();
    run.failed_check();
    server.join().expect("the server's assertions hold");
    assert!(internal(&run).contains("peer is incompatible"), "{}", run.stdout);
    for hello in received {
        let mut versions = versions(&hello);
        versions.sort_unstable();
        assert_eq!(versions, [0x0303, 0x0304]);
    }
}
