//! Where a server is: a host and a port.

use crate::store::error::{StoreError, StoreErrorKind};
use std::net::Ipv6Addr;

/// The address as it is written, if it is one.
pub(crate) fn parse(address: &str) -> Result<String, StoreError> {
    if is_address(address) {
        return Ok(address.to_owned());
    }
    let words = format!(
        "{address:?} is no address of a Memcached server: write a host and a port, such as \
         \"127.0.0.1:11211\", \"cache.local:11211\" or \"[::1]:11211\""
    );
    Err(StoreError::new(StoreErrorKind::InvalidAddress, words))
}

fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port != 0);
    is_port && (is_host(host) || is_bracketed(host))
}

fn is_host(host: &str) -> bool {
    let is_part_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(is_part_of_host)
}

fn is_bracketed(host: &str) -> bool {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_an_address() {
        for address in [
            "localhost:11211",
            "10.0.0.1:1",
            "a-b.c_d:65535",
            "[::1]:11211",
        ] {
            assert_eq!(parse(address).as_deref(), Ok(address));
        }
    }

    #[test]
    fn anything_else_is_named_in_the_error_with_what_to_write() {
        for address in [
            "",
            "localhost",
            "localhost:",
            ":11211",
            "localhost:0",
            "localhost:65536",
            "host:+1",
            "memcached://localhost:11211",
            "a b:1",
            "::1:11211",
            "[::1:11211",
            "[x]:1",
            "a@b:1",
            "a:1\r\n",
            "/tmp/socket",
        ] {
            let error = parse(address).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{address:?}");
            assert!(error.to_string().contains("such as"), "{error}");
            assert!(error.to_string().contains(&format!("{address:?}")));
        }
    }
}
