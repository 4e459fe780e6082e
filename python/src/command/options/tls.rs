//! HTTPS: certificates, and what clients have to show.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use narthex_adapters::{Certificate, Clients, Options, Tls as Settings, TlsError, TlsVersion};

use crate::command::{failure::Failure, ports};

/// How TLS is spoken.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "HTTPS")]
pub(in crate::command) struct Tls {
    /// Certificate, as a file in PEM; may be repeated, with --key, for other names
    #[arg(
        long, env = "NARTHEX_CERTIFICATE", value_name = "FILE", value_delimiter = ',',
        aliases = ["ssl-certificate", "ssl-certfile", "certfile"]
    )]
    certificate: Vec<PathBuf>,
    /// Its private key [default: in the same file]
    #[arg(
        long, env = "NARTHEX_KEY", value_name = "FILE", value_delimiter = ',',
        aliases = ["ssl-keyfile", "keyfile"]
    )]
    key: Vec<PathBuf>,
    /// Authorities that vouch for clients, as a file in PEM
    #[arg(
        long, env = "NARTHEX_CLIENT_CA", value_name = "FILE",
        aliases = ["ssl-ca", "ssl-ca-certs", "ca-certs"]
    )]
    client_ca: Option<PathBuf>,
    /// Whether a client needs a certificate [default: required with --client-ca]
    #[arg(
        long,
        env = "NARTHEX_CLIENT_VERIFY",
        value_name = "optional|required",
        value_enum,
        hide_possible_values = true
    )]
    client_verify: Option<ClientVerify>,
    /// Oldest version of TLS
    #[arg(
        long = "tls-minimum",
        env = "NARTHEX_TLS_MINIMUM",
        value_name = "1.2|1.3",
        value_enum,
        default_value = "1.2",
        hide_possible_values = true
    )]
    minimum: Version,
    /// Address without TLS beside those with it; may be repeated
    #[arg(
        long,
        env = "NARTHEX_INSECURE_BIND",
        value_name = "HOST:PORT|unix:PATH|fd://N",
        value_delimiter = ','
    )]
    insecure_bind: Vec<String>,
}

/// Whether a client needs a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ClientVerify {
    Optional,
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Version {
    #[default]
    #[value(name = "1.2")]
    V12,
    #[value(name = "1.3")]
    V13,
}

impl Tls {
    /// Addresses without TLS.
    pub(in crate::command) fn insecure_binds(&self) -> &[String] {
        &self.insecure_bind
    }

    /// Tells the backend how to speak TLS.
    ///
    /// # Errors
    /// The options do not fit together.
    pub(in crate::command) fn open(&self, options: &mut Options) -> Result<(), Failure> {
        options.tls = self.settings()?;
        Ok(())
    }

    /// How TLS is spoken, if it is.
    ///
    /// # Errors
    /// The options do not fit together.
    pub(in crate::command) fn settings(&self) -> Result<Option<Settings>, Failure> {
        if self.certificate.is_empty() {
            let lonely = [
                ("--key", !self.key.is_empty()),
                ("--client-ca", self.client_ca.is_some()),
                ("--client-verify", self.client_verify.is_some()),
            ];
            return match lonely.into_iter().find(|(_, given)| *given) {
                Some((name, _)) => Err(misfit(
                    &format!("{name} without --certificate"),
                    "name the server's certificate: --certificate FILE",
                )),
                None => Ok(None),
            };
        }
        if self.client_verify.is_some() && self.client_ca.is_none() {
            return Err(misfit(
                "--client-verify without --client-ca",
                "name the authorities that vouch for clients: --client-ca FILE",
            ));
        }
        if !self.key.is_empty() && self.key.len() != self.certificate.len() {
            return Err(misfit(
                &format!(
                    "{} times --certificate, {} --key",
                    self.certificate.len(),
                    self.key.len()
                ),
                "give each --certificate its --key, in the same order, or no --key at all",
            ));
        }
        let keys = if self.key.is_empty() { &self.certificate } else { &self.key };
        let pairs = self.certificate.iter().zip(keys);
        let certificates =
            pairs.map(|(chain, key)| Certificate { chain: chain.clone(), key: key.clone() });
        let clients = self.client_ca.as_ref().map(|authorities| Clients {
            authorities: authorities.clone(),
            optional: self.client_verify == Some(ClientVerify::Optional),
        });
        let minimum = match self.minimum {
            Version::V12 => TlsVersion::V12,
            Version::V13 => TlsVersion::V13,
        };
        Ok(Some(Settings { certificates: certificates.collect(), clients, minimum }))
    }
}

fn misfit(title: &str, fix: &str) -> Failure {
    Failure::new("N230", title, Vec::new(), vec![fix.to_owned()])
}

/// What to tell the user of files that cannot be used.
pub(in crate::command) fn failure(error: &TlsError) -> Failure {
    let (code, fixes) = match error {
        TlsError::NotCompiledIn => {
            ("N231", vec!["build narthex with the feature `tls`".to_owned()])
        }
        TlsError::Unsupported(_) => (
            "N231",
            vec![
                "leave out --backend: the embedded server `hyper` speaks TLS,".to_owned(),
                "or let a web server in front do it".to_owned(),
            ],
        ),
        TlsError::Unreadable(path, _) => (
            "N232",
            vec![format!("check that {} exists and that this user may read it", path.display())],
        ),
        TlsError::NoCertificate(path) => (
            "N233",
            vec![
                "it has to hold the server's certificate in PEM: BEGIN CERTIFICATE".to_owned(),
                format!("from DER: openssl x509 -inform der -in {}", path.display()),
            ],
        ),
        TlsError::NoKey(_, true) => (
            "N234",
            vec!["it holds a certificate: name the file with its private key by --key".to_owned()],
        ),
        TlsError::NoKey(path, false) => (
            "N234",
            vec![
                "it has to hold the private key in PEM: BEGIN PRIVATE KEY".to_owned(),
                format!("from DER: openssl pkey -inform der -in {}", path.display()),
            ],
        ),
        TlsError::Encrypted(path) => (
            "N235",
            vec![
                "a server that starts by itself cannot ask for the password; take it off:"
                    .to_owned(),
                format!("openssl pkey -in {} -out key.pem && chmod 600 key.pem", path.display()),
            ],
        ),
        TlsError::Mismatch(Certificate { chain, .. }) => (
            "N236",
            vec![
                "name the key with which this certificate was made; its public half is:".to_owned(),
                format!("openssl x509 -in {} -noout -pubkey", chain.display()),
            ],
        ),
        TlsError::Order(_) => (
            "N237",
            vec![
                "the server's own certificate comes first, then the one that signed it:".to_owned(),
                "cat server.pem intermediate.pem > chain.pem".to_owned(),
            ],
        ),
        error => return Failure::new("N238", &ports::full(error), Vec::new(), Vec::new()),
    };
    Failure::new(code, &error.to_string(), Vec::new(), fixes)
}
