//! Certificates for a server on loopback, and the authority that vouches for them.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use super::Folder;

/// An authority of a test's own, and a certificate by it for `127.0.0.1`.
#[derive(Debug)]
pub struct Certificates {
    folder: Folder,
}

const SETTINGS: &str = "[req]\n\
    distinguished_name = name\n\
    [name]\n\
    [authority]\n\
    basicConstraints = critical, CA:TRUE\n\
    [server]\n\
    basicConstraints = critical, CA:FALSE\n\
    subjectAltName = IP:127.0.0.1\n";

impl Certificates {
    /// Makes both, for a day.
    pub fn new() -> io::Result<Self> {
        let certificates = Self {
            folder: Folder::new()?,
        };
        fs::write(certificates.path("settings"), SETTINGS)?;
        certificates.make("authority", &[])?;
        let authority = certificates.authority().display().to_string();
        let key = certificates.path("authority.key").display().to_string();
        certificates.make("server", &["-CA", &authority, "-CAkey", &key])?;
        Ok(certificates)
    }

    /// The certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// The certificate of the server.
    pub fn server(&self) -> PathBuf {
        self.path("server.pem")
    }

    /// The key of the server.
    pub fn key(&self) -> PathBuf {
        self.path("server.key")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, what: &str, more: &[&str]) -> io::Result<()> {
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-subj", &format!("/CN={what}"), "-extensions", what])
            .arg("-config")
            .arg(self.path("settings"))
            .arg("-keyout")
            .arg(self.path(&format!("{what}.key")))
            .arg("-out")
            .arg(self.path(&format!("{what}.pem")))
            .args(more)
            .output()
            .map_err(|error| {
                io::Error::other(format!("openssl ({error}): `apt-get install openssl`"))
            })?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}
