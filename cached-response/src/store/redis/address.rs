//! The URL of a server: validated before the client reads it, so that each mistake has a message that
//! says what to write.

use crate::store::{StoreError, StoreErrorKind};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use std::fmt;
use url::{Host, ParseError, Url};

/// The address of a server, and the user, password and database that are used there. It is shown without
/// these.
#[derive(Clone)]
pub(crate) struct Address(ConnectionInfo);

impl Address {
    /// Parses `redis://user:password@host:port/database`, `rediss://..` for TLS, or
    /// `unix:///path?user=..&pass=..&db=..`.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let scheme = scheme(text)?;
        let url = match scheme {
            Scheme::Unix => {
                let url = Url::parse(text).map_err(|_| wrong(NO_PATH))?;
                check_socket(&url)?;
                url
            }
            Scheme::Tcp | Scheme::Tls => {
                check_escapes(text)?;
                let url = Url::parse(text).map_err(|error| wrong(unread(error)))?;
                check_host(&url)?;
                check_login(&url)?;
                check_database(&url)?;
                url
            }
        };
        // The client's message may repeat the password; its details do not.
        let info = url.into_connection_info();
        let info = info.map_err(|error| wrong(error.detail().unwrap_or("it cannot be read")))?;
        Ok(Self(info))
    }

    /// The same address with the user, the password and the kind of connection of another node.
    ///
    /// # Errors
    /// If it cannot be a node of a cluster.
    pub(crate) fn in_cluster_of(&self, first: &Self) -> Result<ConnectionInfo, StoreError> {
        if self.database() != 0 {
            return Err(wrong(
                "a cluster has one database: leave out the `/` and the number, and keep applications apart \
                 by `namespace(..)`",
            ));
        }
        let addr = match (self.addr(), first.addr()) {
            (
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. },
                ConnectionAddr::TcpTls {
                    insecure,
                    tls_params,
                    ..
                },
            ) => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            (
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. },
                ConnectionAddr::Tcp(..),
            ) => ConnectionAddr::Tcp(host.clone(), *port),
            _ => return Err(wrong(NO_SOCKET_HERE)),
        };
        let info = self.0.clone().set_addr(addr);
        Ok(info.set_redis_settings(first.login().clone()))
    }

    /// Checks that it is the address of a sentinel.
    ///
    /// # Errors
    /// If it is a Unix socket.
    pub(crate) fn of_sentinel(self) -> Result<Self, StoreError> {
        match self.addr() {
            ConnectionAddr::Unix(_) => Err(wrong(NO_SOCKET_HERE)),
            _ => Ok(self),
        }
    }

    /// The host and port, or the path of the socket.
    pub(crate) fn addr(&self) -> &ConnectionAddr {
        self.0.addr()
    }

    fn login(&self) -> &RedisConnectionInfo {
        self.0.redis_settings()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.login().username()
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.login().password()
    }

    pub(crate) fn database(&self) -> i64 {
        self.login().db()
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.addr(), ConnectionAddr::TcpTls { .. })
    }

    pub(crate) fn into_info(self) -> ConnectionInfo {
        self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn wrong(why: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::InvalidAddress,
        format!("no address of a Redis server: {why}"),
    )
}

const NO_HOST: &str = "it has no host: write `redis://host:6379`";

/// The largest number that a server gives to a database.
const LAST_DATABASE: u32 = i32::MAX.unsigned_abs();

const NO_PATH: &str = "it has no path of a socket: write `unix:///run/redis.sock`";

const NO_SOCKET_HERE: &str =
    "a cluster and sentinels name servers by host and port: write `redis://host:6379`";

#[derive(Clone, Copy)]
enum Scheme {
    Tcp,
    Tls,
    Unix,
}

fn scheme(text: &str) -> Result<Scheme, StoreError> {
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.trim_start());
    let scheme = scheme.map(str::to_ascii_lowercase);
    Err(wrong(match scheme.as_deref() {
        Some("redis" | "valkey") => return Ok(Scheme::Tcp),
        Some("rediss" | "valkeys") if cfg!(feature = "redis-tls") => return Ok(Scheme::Tls),
        Some("rediss" | "valkeys") => {
            "rediss:// is TLS: enable the feature `redis-tls` of cached-response"
        }
        Some("unix" | "redis+unix" | "valkey+unix") if cfg!(unix) => return Ok(Scheme::Unix),
        Some(scheme) if scheme.contains("sentinel") => {
            "it is one of a sentinel: call `RedisStore::sentinel([\"redis://host:26379\"], \"mymaster\")` \
             with the URLs of the sentinels and the name of the primary"
        }
        Some(scheme) if scheme.contains("cluster") => {
            "it is one of a cluster: call `RedisStore::cluster([\"redis://host:6379\"])` with the URLs of \
             some of its nodes"
        }
        Some(_) => {
            "its scheme is not known: write `redis://host:6379`, or `rediss://host:6379` for TLS"
        }
        None => "it has no scheme: write `redis://host:6379`, or `rediss://host:6379` for TLS",
    }))
}

/// Checks the URL of a Unix socket.
fn check_socket(url: &Url) -> Result<(), StoreError> {
    if url.host().is_some() || url.path().len() < 2 {
        return Err(wrong(NO_PATH));
    }
    if url.fragment().is_some() {
        return Err(wrong(FRAGMENT));
    }
    let (mut has_user, mut has_password) = (false, false);
    for (name, value) in url.query_pairs() {
        match &*name {
            "user" => has_user = true,
            "pass" => has_password = true,
            "db" if is_database(&value) => {}
            "db" => {
                return Err(wrong(
                    "its database is no number from 0 to 2147483647: write `?db=1`, or nothing for the first",
                ));
            }
            _ => {
                return Err(wrong(
                    "after the `?` of a socket only `user`, `pass` and `db` are known: write \
                     `unix:///run/redis.sock?user=cache&pass=..&db=1`",
                ));
            }
        }
    }
    if has_user && !has_password {
        return Err(wrong(
            "it has a user and no password: write `unix:///run/redis.sock?user=cache&pass=..`",
        ));
    }
    Ok(())
}

/// Checks that a user and a password are escaped.
fn check_escapes(text: &str) -> Result<(), StoreError> {
    let after = text.split_once("://").map_or(text, |(_, after)| after);
    let login = after.rsplit_once('@').map_or("", |(login, _)| login);
    if login.contains(['/', '?', '#', '@']) {
        return Err(wrong(
            "in a user or a password write `%2F` for `/`, `%3F` for `?`, `%23` for `#` and `%40` for `@`",
        ));
    }
    Ok(())
}

fn unread(error: ParseError) -> &'static str {
    match error {
        ParseError::EmptyHost => NO_HOST,
        ParseError::InvalidPort => {
            "its port is no number from 1 to 65535: write `redis://host:6379`, and of several servers \
             one URL each, for `RedisStore::cluster` or `RedisStore::sentinel`"
        }
        ParseError::InvalidIpv6Address => "its host is no IPv6 address: write `redis://[::1]:6379`",
        _ => NO_SUCH_HOST,
    }
}

const NO_SUCH_HOST: &str = "its host is neither a name nor an IP address: write `redis://host:6379` or \
                            `redis://[::1]:6379`";

fn check_host(url: &Url) -> Result<(), StoreError> {
    let is_host_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match url.host() {
        None => Err(wrong(NO_HOST)),
        Some(Host::Domain(name)) if !name.bytes().all(is_host_letter) => Err(wrong(NO_SUCH_HOST)),
        Some(_) if url.port() == Some(0) => Err(wrong(unread(ParseError::InvalidPort))),
        Some(_) => Ok(()),
    }
}

/// Checks that a user has a password: the client ignores a user without one.
fn check_login(url: &Url) -> Result<(), StoreError> {
    if url.password().is_none() && !matches!(url.username(), "" | "default") {
        return Err(wrong(
            "it has a user and no password: write `redis://user:password@host`, or \
             `redis://:password@host` where there is no user",
        ));
    }
    Ok(())
}

const FRAGMENT: &str = "it ends with a `#`, after which nothing is known: leave that out";

fn is_database(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && matches!(text.parse(), Ok(0..=LAST_DATABASE))
}

fn check_database(url: &Url) -> Result<(), StoreError> {
    if url.fragment().is_some() {
        return Err(wrong(FRAGMENT));
    }
    if url.query().is_some() {
        return Err(wrong(
            "it has parameters after a `?`, of which none is known: leave them out, and write user, \
             password and database as in `redis://user:password@host:6379/1`",
        ));
    }
    let database = url.path().trim_matches('/');
    if database.is_empty() || is_database(database) {
        return Ok(());
    }
    Err(wrong(
        "its database is no number from 0 to 2147483647: write `redis://host:6379/1`, or nothing after \
         the port for the first",
    ))
}

#[cfg(test)]
mod tests;
