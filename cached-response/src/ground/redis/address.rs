//! Where a server is, and who it is told that we are.

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use std::fmt;
use tokio::net::TcpStream;

use super::{failure, socket::Socket, tls::Tls};
use crate::ground::store::{StoreError, StoreErrorKind};

/// The address of a server, without what is secret about it when it is shown.
#[derive(Clone)]
pub(super) struct Address {
    host: String,
    port: u16,
    tls: Option<Tls>,
    login: RedisConnectionInfo,
}

impl Address {
    /// Reads `redis://user:password@host:port/database`, or `rediss://..` for TLS.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (plain, tls) = match url.split_once("://") {
            Some(("redis" | "valkey", rest)) => (format!("redis://{rest}"), None),
            Some(("rediss" | "valkeys", rest)) => (format!("redis://{rest}"), Some(Tls::new()?)),
            _ => return Err(wrong("it begins neither with redis:// nor with rediss://")),
        };
        if plain.contains('#') {
            return Err(wrong("it has a `#`; in a password, write `%23`"));
        }
        // Its own words may repeat what is secret; its details do not.
        let info = plain.as_str().into_connection_info();
        let info = info.map_err(|error| wrong(error.detail().unwrap_or("it cannot be read")))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(wrong("it names no host"));
        };
        Ok(Self {
            host: host.clone(),
            port: *port,
            tls,
            login: info.redis_settings().clone(),
        })
    }

    /// Another server, where we say that we are the same.
    pub(super) fn elsewhere(&self, host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            ..self.clone()
        }
    }

    /// The same server, without saying who we are, and in its first database.
    pub(super) fn anonymous(&self) -> Self {
        Self {
            login: RedisConnectionInfo::default(),
            ..self.clone()
        }
    }

    /// The first database, where there is but one.
    pub(super) fn without_database(mut self) -> Self {
        self.login = self.login.set_db(0);
        self
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Who we say that we are.
    pub(super) fn login(&self) -> &RedisConnectionInfo {
        &self.login
    }

    /// Connects, without a word said yet.
    pub(super) async fn connect(&self) -> Result<Socket, StoreError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| failure::unreachable(format!("{self}: {error}")))?;
        // A connection that delays what is small works still.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            Some(tls) => tls.wrap(&self.host, stream).await,
            None => Ok(Box::new(stream)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn wrong(why: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Address,
        format!("no address of a Redis server: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Address;
    use crate::ground::store::StoreErrorKind;

    #[test]
    fn an_address_says_where_and_who() {
        let address = Address::parse("redis://me:p%40ss@host:7000/3").unwrap();
        assert_eq!((address.host(), address.port()), ("host", 7000));
        let login = address.login();
        assert_eq!(login.username(), Some("me"));
        assert_eq!(login.password(), Some("p@ss"));
        assert_eq!(login.db(), 3);
    }

    #[test]
    fn what_is_left_out_is_as_everywhere() {
        let address = Address::parse("valkey://host").unwrap();
        assert_eq!(address.port(), 6379);
        assert_eq!(address.login().db(), 0);
        assert_eq!(Address::parse("redis://[::1]:7").unwrap().host(), "::1");
    }

    #[test]
    fn what_is_no_address_is_an_error_that_keeps_the_password() {
        for wrong in [
            "",
            "host:6379",
            "http://me:secret@host",
            "redis://",
            "redis://me:secret@host/first",
            "redis://me:secret@host:99999",
            "redis://me:secret#@host",
            "redis://me:secret@/0",
            "unix:///tmp/secret",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Address, "{wrong}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_keeps_the_password() {
        let address = Address::parse("redis://me:secret@host:1/2").unwrap();
        assert_eq!(format!("{address} {address:?}"), "host:1 host:1");
    }

    proptest! {
        #[test]
        fn whatever_is_given_is_read_or_refused(rest in "\\PC{0,40}") {
            for scheme in ["redis://", "valkey://", "redis://me:hidden@", ""] {
                if let Err(error) = Address::parse(&format!("{scheme}{rest}")) {
                    prop_assert!(!error.to_string().contains("hidden"));
                }
            }
        }
    }
}
