use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{HELD, Mode, Proxy};
use crate::stage::eventually;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A server that echoes what it receives.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Returns the octets that come back, or all before the end of the connection.
fn exchange(stream: &mut TcpStream, octets: &[u8]) -> Vec<u8> {
    stream.write_all(octets).unwrap();
    let mut back = Vec::new();
    let mut buffer = [0; 64];
    while back.len() < octets.len() {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            length => back.extend(&buffer[..length]),
        }
    }
    back
}

fn is_silent(stream: &mut TcpStream) -> bool {
    let short = Some(Duration::from_millis(50));
    stream.set_read_timeout(short).unwrap();
    let heard = stream.read(&mut [0; 64]);
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    heard.is_err_and(|it| matches!(it.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn octets_pass_and_are_counted() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = client(&proxy);
    assert_eq!(exchange(&mut client, b"hello"), b"hello");
    assert_eq!(
        (proxy.accepted(), proxy.asked(), proxy.answered()),
        (1, 5, 5)
    );
    assert!(proxy.lines()[0].has_said(b"ell"));
    drop(client);
    eventually("it is off the list", || proxy.lines().is_empty());
}

#[test]
fn answers_are_late_and_do_not_wait_for_one_another() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = client(&proxy);
    let late = Duration::from_millis(200);
    proxy.set(Mode::Delay(late));
    let started = Instant::now();
    for _ in 0..20 {
        client.write_all(b"ab").unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    client.read_exact(&mut [0; 40]).unwrap();
    let took = started.elapsed();
    assert!(took >= late && took < 10 * late, "{took:?}");
}

#[test]
fn a_connection_that_lost_octets_stays_broken_and_a_new_one_works() {
    let proxy = Proxy::start(echo()).unwrap();
    let (mut lossy, mut quiet) = (client(&proxy), client(&proxy));
    assert_eq!(exchange(&mut lossy, b"a"), b"a");
    assert_eq!(exchange(&mut quiet, b"a"), b"a");
    proxy.set(Mode::BlackHole);
    lossy.write_all(b"b").unwrap();
    assert!(is_silent(&mut lossy));
    proxy.set(Mode::Pass);
    lossy.write_all(b"c").unwrap();
    assert!(is_silent(&mut lossy));
    assert_eq!(exchange(&mut quiet, b"d"), b"d");
}

#[test]
fn an_answer_is_cut_after_so_many_octets() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut older = client(&proxy);
    assert_eq!(exchange(&mut older, b"12345"), b"12345");
    for cut in 0..5 {
        proxy.set(Mode::CutAfter(cut));
        let mut client = client(&proxy);
        assert_eq!(exchange(&mut client, b"12345"), b"12345"[..cut]);
    }
    assert_eq!(exchange(&mut older, b"67890"), b"6789");
}

#[test]
fn an_octet_is_altered_once() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = client(&proxy);
    assert_eq!(exchange(&mut client, b"00"), b"00");
    proxy.set(Mode::Corrupt(2));
    assert_eq!(exchange(&mut client, b"00"), b"00");
    assert_eq!(exchange(&mut client, b"00"), b"10");
    assert_eq!(exchange(&mut client, b"00"), b"00");
}

#[test]
fn a_connection_is_reset_and_the_others_stay() {
    let proxy = Proxy::start(echo()).unwrap();
    let (mut reset, mut other) = (client(&proxy), client(&proxy));
    assert_eq!(exchange(&mut reset, b"reset me"), b"reset me");
    assert_eq!(exchange(&mut other, b"not me"), b"not me");
    let lines = proxy.lines_that_said(b"reset");
    assert_eq!(lines.len(), 1);
    lines[0].set(Mode::Reset);
    let error = reset.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(exchange(&mut other, b"a"), b"a");
}

#[test]
fn answers_drip() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = client(&proxy);
    proxy.set(Mode::Drip(2));
    let started = Instant::now();
    assert_eq!(exchange(&mut client, &[7; 200]), [7; 200]);
    assert!(started.elapsed() >= Duration::from_millis(99));
}

#[test]
fn a_request_is_held_and_those_behind_it() {
    let proxy = Proxy::start(echo()).unwrap();
    let (mut held, mut other) = (client(&proxy), client(&proxy));
    proxy.set(Mode::Hold(b"SET"));
    assert_eq!(exchange(&mut held, b"GET a"), b"GET a");
    held.write_all(b"SET b").unwrap();
    proxy.barriers().wait_arrived(HELD, 1, TIMEOUT);
    held.write_all(b"GET c").unwrap();
    assert!(is_silent(&mut held));
    assert_eq!(exchange(&mut other, b"GET d"), b"GET d");
    proxy.barriers().release(HELD);
    held.read_exact(&mut [0; 10]).unwrap();
}

#[test]
fn connections_are_refused_and_accepted_again_at_the_same_address() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = client(&proxy);
    assert_eq!(exchange(&mut client, b"a"), b"a");
    proxy.refuse();
    assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)));
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.accept();
    assert_eq!(exchange(&mut self::client(&proxy), b"b"), b"b");
}

#[test]
fn a_dead_server_ends_its_connections() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(gone).unwrap();
    let mut client = client(&proxy);
    assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)));
}
