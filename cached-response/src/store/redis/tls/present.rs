//! TLS, by the certificates that this machine trusts.

use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring::default_provider,
        pki_types::{InvalidDnsNameError, ServerName},
    },
};

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::{error, socket::Socket},
};

/// How to speak TLS. The certificates are read once: reading them takes its time.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(crate) fn new() -> Result<Self, StoreError> {
        let mut roots = RootCertStore::empty();
        // Of those that cannot be read it is enough to know that they are not trusted.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        // A provider that is named: an application may have two, and then there is no default.
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions();
        let config = config.map_err(|error| {
            StoreError::new(StoreErrorKind::InvalidAddress, format!("no TLS: {error}"))
        })?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Speaks TLS over `stream`, with a server that proves that it is `host`.
    pub(crate) async fn wrap(&self, host: &str, stream: TcpStream) -> Result<Socket, StoreError> {
        let host = ServerName::try_from(host.to_owned());
        let host = host.map_err(|error: InvalidDnsNameError| error::unreachable(error))?;
        let stream = TlsConnector::from(Arc::clone(&self.0)).connect(host, stream);
        let stream = stream.await.map_err(error::unreachable)?;
        Ok(Box::new(stream))
    }
}
