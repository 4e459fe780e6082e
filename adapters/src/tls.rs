//! What a server has to know to speak TLS, and what can be wrong with that.

use std::{fmt, io, path::PathBuf};

/// How a server speaks TLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// Its certificates; the first is for clients that name no host, or an unknown one.
    pub certificates: Vec<Certificate>,
    /// What clients have to show.
    pub clients: Option<Clients>,
    /// The oldest version that is spoken.
    pub minimum: TlsVersion,
}

impl Tls {
    /// Reads the files, and says what is to be known of them: that one has expired, for example.
    ///
    /// # Errors
    /// They are no certificates and keys that belong together.
    pub fn check(&self) -> Result<Vec<String>, TlsError> {
        #[cfg(feature = "tls")]
        return crate::hyper::check_tls(self);
        #[cfg(not(feature = "tls"))]
        Err(TlsError::NotCompiledIn)
    }
}

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The certificate, followed by those that vouch for it.
    pub chain: PathBuf,
    /// The key; the same file where both are in one.
    pub key: PathBuf,
}

/// Whose certificates clients show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    /// Certificates of the authorities, as a file in PEM.
    pub authorities: PathBuf,
    /// A client without a certificate is served.
    pub optional: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V12,
    /// TLS 1.3.
    V13,
}

/// What is wrong with a file for TLS.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// TLS was left out of this build.
    NotCompiledIn,
    /// The backend speaks no TLS.
    Unsupported(&'static str),
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file has no certificate in PEM.
    NoCertificate(PathBuf),
    /// A file has no key in PEM; whether it has a certificate.
    NoKey(PathBuf, bool),
    /// A key is protected by a password.
    Encrypted(PathBuf),
    /// The key belongs to another certificate.
    Mismatch(Certificate),
    /// The key belongs to a certificate of the chain that is not its first.
    Order(Certificate),
    /// What is in a file is damaged, or of a kind that is not known here.
    Unusable(PathBuf, String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCompiledIn => f.write_str("TLS is not compiled in"),
            Self::Unsupported(backend) => write!(f, "{backend} does not speak TLS"),
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoCertificate(path) => write!(f, "{} holds no certificate", path.display()),
            Self::NoKey(path, _) => write!(f, "{} holds no private key", path.display()),
            Self::Encrypted(path) => {
                write!(f, "the key in {} is protected by a password", path.display())
            }
            Self::Mismatch(Certificate { chain, key }) => {
                write!(f, "the key in {} is not that of {}", key.display(), chain.display())
            }
            Self::Order(Certificate { chain, .. }) => {
                write!(f, "the certificates in {} are in the wrong order", chain.display())
            }
            Self::Unusable(path, why) => write!(f, "{} cannot be used: {why}", path.display()),
        }
    }
}

impl std::error::Error for TlsError {}
