//! What TLS knows of a connection, under the names of Apache's `mod_ssl`.

use bytes::Bytes;
use narthex_core::Variables;
use tokio_rustls::rustls::{CipherSuite, ProtocolVersion, ServerConnection};
use x509_cert::{
    Certificate,
    der::{Decode, EncodePem, pem::LineEnding},
};

/// The variables of a connection after its handshake.
pub(super) fn variables(connection: &ServerConnection) -> Variables {
    let mut variables = Variables::new();
    let mut add = |name: &'static str, value: String| {
        variables.push((Bytes::from_static(name.as_bytes()), Bytes::from(value)));
    };
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    add("SSL_PROTOCOL", version.to_owned());
    if let Some(suite) = connection.negotiated_cipher_suite() {
        add("SSL_CIPHER", cipher(suite.suite()));
    }
    if let Some(name) = connection.server_name() {
        add("SSL_TLS_SNI", name.to_owned());
    }
    let Some(shown) = connection.peer_certificates().and_then(|chain| chain.first()) else {
        add("SSL_CLIENT_VERIFY", "NONE".to_owned());
        return variables;
    };
    // rustls has verified it: who shows a wrong one has no connection.
    add("SSL_CLIENT_VERIFY", "SUCCESS".to_owned());
    if let Ok(certificate) = Certificate::from_der(shown) {
        let facts = certificate.tbs_certificate();
        add("SSL_CLIENT_S_DN", facts.subject().to_string());
        add("SSL_CLIENT_I_DN", facts.issuer().to_string());
        let serial = facts.serial_number().as_bytes();
        let digits = serial.iter().map(|byte| format!("{byte:02X}"));
        add("SSL_CLIENT_M_SERIAL", digits.collect());
        if let Ok(pem) = certificate.to_pem(LineEnding::LF) {
            add("SSL_CLIENT_CERT", pem);
        }
    }
    variables
}

/// A cipher suite as OpenSSL names it, which is what applications know from `mod_ssl`.
fn cipher(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or("UNKNOWN");
    if let Some(rest) = name.strip_prefix("TLS13_") {
        return format!("TLS_{rest}");
    }
    let name = name.strip_prefix("TLS_").unwrap_or(name);
    let name = name.strip_suffix("_POLY1305_SHA256").map_or_else(
        || name.to_owned(),
        |start| format!("{start}_POLY1305"), // OpenSSL leaves out its only hash
    );
    name.replace("_WITH_", "_").replace("AES_", "AES").replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_have_the_names_of_openssl() {
        for (suite, name) in [
            (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
            (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
            (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
            (
                CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                "ECDHE-ECDSA-CHACHA20-POLY1305",
            ),
        ] {
            assert_eq!(cipher(suite), name);
        }
    }
}
