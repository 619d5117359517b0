//! TLS.

use std::env;
use std::process::Command;
use std::time::Duration;

use actix_web::web::Bytes;
use cached_response::testing::check_store;
use cached_response::{RedisStore, Store, StoreErrorKind};
use redis::{ClientTlsConfig, TlsCertificates};
use tests::servers::certificates::Certificates;
use tests::servers::free_port;
use tests::servers::redis::Redis;

/// Set in a process that trusts the test's own authority.
const URL: &str = "TEST_TLS_URL";

/// A server that speaks TLS on a port of its own.
fn secure(certificates: &Certificates) -> (Redis, String) {
    secure_with(certificates, "no")
}

/// The same, with `yes` for one that wants a certificate of its clients.
fn secure_with(certificates: &Certificates, wants_certificates: &str) -> (Redis, String) {
    let port = free_port().unwrap().to_string();
    let paths = [
        certificates.server(),
        certificates.key(),
        certificates.authority(),
    ];
    let [server, key, authority] = paths.map(|path| path.display().to_string());
    let redis = Redis::with(&[
        "--tls-port",
        &port,
        "--tls-auth-clients",
        wants_certificates,
        "--tls-cert-file",
        &server,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
    ]);
    (redis.unwrap(), format!("rediss://127.0.0.1:{port}"))
}

#[test]
fn a_server_is_spoken_to_in_secret() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Ok(url) = env::var(URL) {
        return runtime.block_on(check_store(RedisStore::open(&url).unwrap()));
    }
    let certificates = Certificates::new().unwrap();
    let (_server, url) = secure(&certificates);
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "redis::tls::a_server_is_spoken_to_in_secret",
            "--exact",
            "--nocapture",
        ])
        .env(URL, url)
        .env("SSL_CERT_FILE", certificates.authority())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{wrong}"
    );
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let certificates = Certificates::new().unwrap();
    let (server, url) = secure(&certificates);
    let store = RedisStore::open(&url).unwrap();
    let name = Bytes::from_static(b"it");
    let error = store
        .set("name", name, Duration::from_secs(60))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert_eq!(server.ask(&["EXISTS", "name"]).unwrap().text(), "0");
}

#[tokio::test]
async fn roots_and_a_client_certificate_of_ones_own_are_used() {
    let certificates = Certificates::new().unwrap();
    let (_server, url) = secure_with(&certificates, "yes");
    let read = |path| std::fs::read(path).unwrap();
    let client_tls = ClientTlsConfig {
        client_cert: read(certificates.server()),
        client_key: read(certificates.key()),
    };
    let client = |client_tls| {
        let certificates = TlsCertificates {
            client_tls,
            root_cert: Some(read(certificates.authority())),
        };
        redis::Client::build_with_tls(url.as_str(), certificates).unwrap()
    };
    let without = RedisStore::from_client(client(None));
    assert!(without.get("name", 64).await.is_err());
    check_store(RedisStore::from_client(client(Some(client_tls)))).await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_reached() {
    let server = Redis::start().unwrap();
    let store = RedisStore::open(&server.url().replace("redis:", "rediss:")).unwrap();
    let error = store.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
}
