//! Certificates and keys as they lie in files.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    client::verify_server_name,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject},
    },
    server::{
        ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use x509_cert::der::Decode;

use crate::{Certificate, Clients, Tls, TlsError, TlsVersion};

/// What tells one version of a file from another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What the files amount to.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// What whoever runs the server should know of them.
    pub(super) warnings: Vec<String>,
}

/// The stamps of all files that `settings` name; `None` for one that is not there.
pub(super) fn stamps(settings: &Tls) -> Vec<Option<Stamp>> {
    let pairs = settings.certificates.iter().flat_map(|pair| [&pair.chain, &pair.key]);
    let authorities = settings.clients.iter().map(|clients| &clients.authorities);
    pairs.chain(authorities).map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.len(),
        changed: (metadata.mtime(), metadata.mtime_nsec()),
    })
}

/// Reads all files that `settings` name.
pub(super) fn load(settings: &Tls) -> Result<Loaded, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut keys = Vec::new();
    let mut warnings = Vec::new();
    for pair in &settings.certificates {
        let key = certified_key(pair, &provider)?;
        warnings.extend(key.cert.first().and_then(|leaf| expiry(&pair.chain, leaf)));
        keys.push(Arc::new(key));
    }
    let versions: &[_] = match settings.minimum {
        TlsVersion::V12 => &[&TLS13, &TLS12],
        TlsVersion::V13 => &[&TLS13],
    };
    let clients = match &settings.clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(clients) => verifier(clients, &provider)?,
    };
    let unusable = |error: &dyn std::fmt::Display| {
        let path = settings.certificates.first().map(|pair| pair.chain.clone());
        TlsError::Unusable(path.unwrap_or_default(), error.to_string())
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| unusable(&error))?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(ByName(keys)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets let a client come back without the costly part of a handshake. New certificates come
    // with new tickets: who came back under old authorities is looked at again.
    config.ticketer = ring::Ticketer::new().map_err(|error| unusable(&error))?;
    Ok(Loaded { config: Arc::new(config), warnings })
}

/// The certificate and the key of `pair`, which belong together.
fn certified_key(pair: &Certificate, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&pair.chain)?;
    let key = private_key(&pair.key)?;
    let signing = provider.key_provider.load_private_key(key);
    let signing = signing.map_err(|error| unusable(&pair.key, &error))?;
    let certified = CertifiedKey::new(chain, signing);
    let Err(error) = certified.keys_match() else { return Ok(certified) };
    if !matches!(error, tokio_rustls::rustls::Error::InconsistentKeys(_)) {
        return Err(unusable(&pair.chain, &error)); // the certificate itself cannot be read
    }
    let belongs = |certificate: &CertificateDer<'static>| {
        let alone = vec![certificate.clone()];
        CertifiedKey::new(alone, Arc::clone(&certified.key)).keys_match().is_ok()
    };
    let order = certified.cert.iter().skip(1).any(belongs);
    Err(if order { TlsError::Order(pair.clone()) } else { TlsError::Mismatch(pair.clone()) })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| damaged(path, &error))?;
    if found.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    // PKCS #8 says so in the label, the older forms in a header (RFC 1421, 4.6.1.1).
    if contains(&text, b"ENCRYPTED PRIVATE KEY") || contains(&text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::Encrypted(path.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            TlsError::NoKey(path.to_owned(), contains(&text, b"BEGIN CERTIFICATE"))
        }
        error => damaged(path, &error),
    })
}

fn verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &clients.authorities;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(path, &error))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if clients.optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| unusable(path, &error))
}

/// What to say of a certificate that is not valid today.
fn expiry(path: &Path, leaf: &CertificateDer<'_>) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(leaf).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let path = path.display();
    if validity.not_after.to_unix_duration() < now {
        Some(format!("the certificate in {path} has expired: {}", validity.not_after))
    } else if validity.not_before.to_unix_duration() > now {
        Some(format!("the certificate in {path} is not valid yet: {}", validity.not_before))
    } else {
        None
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error: io::Error| TlsError::Unreadable(PathBuf::from(path), error);
    fs::read(path).map_err(unreadable)
}

fn damaged(path: &Path, error: &pem::Error) -> TlsError {
    TlsError::Unusable(path.to_owned(), format!("damaged PEM: {error}"))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Unusable(path.to_owned(), error.to_string())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Chooses among certificates by the name that a client asks for (RFC 6066, 3).
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let [only] = &self.0[..] {
            return Some(Arc::clone(only));
        }
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let covers = |key: &&Arc<CertifiedKey>| {
            name.as_ref().is_some_and(|name| key.cert.first().is_some_and(|it| is_for(it, name)))
        };
        // A name may have a certificate for each kind of key.
        let usable =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let named = self.0.iter().filter(covers).find(usable);
        named.or_else(|| self.0.iter().find(usable)).or(self.0.first()).cloned()
    }
}

fn is_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}
