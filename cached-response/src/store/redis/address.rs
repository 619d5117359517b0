//! Where a server is, and who it is told that we are.

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use std::fmt;
use tokio::net::TcpStream;
use url::{Host, ParseError, Url};

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::{error, socket::Socket, tls::Tls},
};

/// The address of a server, without what is secret about it when it is shown.
#[derive(Clone)]
pub(crate) struct Address {
    host: String,
    port: u16,
    tls: Option<Tls>,
    login: RedisConnectionInfo,
}

impl Address {
    /// Reads `redis://user:password@host:port/database`, or `rediss://..` for TLS.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let tls = is_tls(text)?;
        are_escaped(text)?;
        let url = Url::parse(text).map_err(|error| wrong(unread(error)))?;
        has_a_place(&url)?;
        has_a_login(&url)?;
        has_a_database(&url)?;
        // Its own words may repeat what is secret; its details do not.
        let info = plain(url).into_connection_info();
        let info = info.map_err(|error| wrong(error.detail().unwrap_or("it cannot be read")))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(wrong(NO_HOST));
        };
        Ok(Self {
            host: host.clone(),
            port: *port,
            tls: if tls { Some(Tls::new()?) } else { None },
            login: info.redis_settings().clone(),
        })
    }

    /// Another server, where we say that we are the same.
    pub(crate) fn elsewhere(&self, host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            ..self.clone()
        }
    }

    /// The same server, without saying who we are, and in its first database.
    pub(crate) fn anonymous(&self) -> Self {
        Self {
            login: RedisConnectionInfo::default(),
            ..self.clone()
        }
    }

    /// Checks that no database but the first is asked for, which is all that a cluster has.
    pub(crate) fn in_a_cluster(self) -> Result<Self, StoreError> {
        if self.login.db() == 0 {
            return Ok(self);
        }
        Err(wrong(
            "a cluster has one database: leave out the `/` and the number, and keep applications apart \
             by `namespace(..)`",
        ))
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Who we say that we are.
    pub(crate) fn login(&self) -> &RedisConnectionInfo {
        &self.login
    }

    /// Connects, without a word said yet.
    pub(crate) async fn connect(&self) -> Result<Socket, StoreError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| error::unreachable(format!("{self}: {error}")))?;
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
        StoreErrorKind::InvalidAddress,
        format!("no address of a Redis server: {why}"),
    )
}

const NO_HOST: &str = "it has no host: write `redis://host:6379`";

/// The largest number that a server gives to a database.
const LAST_DATABASE: u32 = i32::MAX.unsigned_abs();

/// Checks the scheme; `true` for one of TLS.
fn is_tls(text: &str) -> Result<bool, StoreError> {
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.trim_start());
    let scheme = scheme.map(str::to_ascii_lowercase);
    Err(wrong(match scheme.as_deref() {
        Some("redis" | "valkey") => return Ok(false),
        Some("rediss" | "valkeys") => return Ok(true),
        Some("unix" | "redis+unix" | "valkey+unix") => {
            "Unix sockets are not supported: write the host and the port on which the server listens, \
             `redis://127.0.0.1:6379`"
        }
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

/// Checks that nothing in a user or a password ends them too early.
fn are_escaped(text: &str) -> Result<(), StoreError> {
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

fn has_a_place(url: &Url) -> Result<(), StoreError> {
    let is_host_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match url.host() {
        None => Err(wrong(NO_HOST)),
        Some(Host::Domain(name)) if !name.bytes().all(is_host_letter) => Err(wrong(NO_SUCH_HOST)),
        Some(_) if url.port() == Some(0) => Err(wrong(unread(ParseError::InvalidPort))),
        Some(_) => Ok(()),
    }
}

/// Without a password nobody is logged in, so that a user alone would be left out unseen.
fn has_a_login(url: &Url) -> Result<(), StoreError> {
    if url.password().is_none() && !matches!(url.username(), "" | "default") {
        return Err(wrong(
            "it has a user and no password: write `redis://user:password@host`, or \
             `redis://:password@host` where there is no user",
        ));
    }
    Ok(())
}

fn has_a_database(url: &Url) -> Result<(), StoreError> {
    if url.fragment().is_some() {
        return Err(wrong(
            "it ends with a `#`, after which nothing is known: leave that out",
        ));
    }
    if url.query().is_some() {
        return Err(wrong(
            "it has parameters after a `?`, of which none is known: leave them out, and write user, \
             password and database as in `redis://user:password@host:6379/1`",
        ));
    }
    let database = url.path().trim_matches('/');
    let is_number = database.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = || matches!(database.parse(), Ok(0..=LAST_DATABASE));
    if database.is_empty() || is_number && is_one() {
        return Ok(());
    }
    Err(wrong(
        "its database is no number from 0 to 2147483647: write `redis://host:6379/1`, or nothing after \
         the port for the first",
    ))
}

/// The same without TLS, which is none of the client's here.
fn plain(mut url: Url) -> Url {
    // From one scheme without a default port to another, which is always possible.
    let _ = url.set_scheme("redis");
    url
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Address;
    use crate::store::error::StoreErrorKind;

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
            assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{wrong}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    /// What is said of a URL that is none, and that it does not name what is secret in it.
    fn why(url: &str) -> String {
        let error = Address::parse(url).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{url}");
        assert!(!error.to_string().contains("secret"), "{error}");
        error.to_string()
    }

    /// What is said of each mistake, and URLs that have it.
    const MISTAKES: &[(&str, &[&str])] = &[
        (
            "its database is no number from 0",
            &[
                "redis://h/-1",
                "redis://h/first",
                "redis://h/+1",
                "redis://h/1/2",
                "redis://h/1.0",
                "redis://h/2147483648",
                "redis://h/99999999999999999999",
                "redis://h/%31",
            ],
        ),
        (
            "parameters after a `?`",
            &[
                "redis://h/1?db=2",
                "redis://h?protocol=resp3",
                "redis://h?",
                "redis://h?secret",
            ],
        ),
        (
            "it ends with a `#`",
            &["redis://h/1#secret", "rediss://h#insecure", "redis://h#"],
        ),
        (
            "it has no scheme",
            &["", "h:6379", "me:secret@h", "redis:h"],
        ),
        (
            "its scheme is not known",
            &["http://me:secret@h", "memcached://h", "://h"],
        ),
        (
            "Unix sockets are not supported",
            &["redis+unix:///tmp/secret", "unix:///tmp/secret"],
        ),
        (
            "RedisStore::sentinel(",
            &["redis-sentinel://h/mymaster", "redis+sentinel://h"],
        ),
        (
            "RedisStore::cluster(",
            &["redis-cluster://h", "redis+cluster://me:secret@h"],
        ),
        (
            "it has no host",
            &[
                "redis://",
                "redis:///1",
                "redis://:secret@/0",
                "redis://:6379",
            ],
        ),
        (
            "its port is no number from 1 to 65535",
            &[
                "redis://h:0",
                "redis://h:65536",
                "redis://h:port",
                "redis://:secret@h:-1",
                "redis://a:1,b:2",
            ],
        ),
        (
            "its host is neither a name",
            &["redis://a,b", "redis://h h", "redis://%00", "redis://a%2Fb"],
        ),
        (
            "its host is no IPv6 address",
            &["redis://[::1", "redis://[secret]:1"],
        ),
        (
            "in a user or a password write",
            &[
                "redis://me:secret#@h",
                "redis://:secret/@h",
                "redis://:secret?@h:1",
                "redis://:a@secret@h",
            ],
        ),
        (
            "a user and no password",
            &["redis://secret@h", "redis://me@h:6379/1"],
        ),
    ];

    #[test]
    fn each_mistake_in_a_url_has_its_own_message_that_says_what_to_write() {
        for (mistake, urls) in MISTAKES {
            for url in *urls {
                let said = why(url);
                assert!(said.contains(mistake), "{url}: {said}");
            }
        }
    }

    #[test]
    fn what_is_right_in_a_url_is_read() {
        for (url, port, database) in [
            ("redis://h", 6379, 0),
            ("redis://h/", 6379, 0),
            ("redis://h:1/0", 1, 0),
            ("redis://h:65535/15/", 65535, 15),
            (
                "REDIS://default@h_1.example-2/2147483647",
                6379,
                2_147_483_647,
            ),
            ("valkey://:a%40%23%2F%3F%25@127.0.0.1", 6379, 0),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.port(), address.login().db()),
                (port, database),
                "{url}"
            );
        }
        let escaped = Address::parse("valkey://:a%40%23%2F%3F%25@127.0.0.1").unwrap();
        assert_eq!(escaped.login().password(), Some("a@#/?%"));
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
