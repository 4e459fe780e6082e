//! HTTPS: the handshake of a connection, and certificates that may change meanwhile.

mod facts;
mod files;

use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use narthex_core::{Journal, Level, Variables};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{CertificateError, Error, ServerConfig},
    server::TlsStream,
};

use crate::{
    Tls, TlsError,
    edge::{Awaited, HungUp, Socket, Transport},
};
use files::{Loaded, Stamp, load, stamps};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How much a connection holds back, encrypted, for a client that takes nothing.
const HELD: usize = 64 * 1024;

/// A connection that has been made secure.
pub(in crate::hyper) type Secured = TlsStream<Socket<TcpStream>>;

/// The certificates of a server.
pub(in crate::hyper) struct Secure {
    settings: Tls,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    stamps: Vec<Option<Stamp>>,
    warnings: Vec<String>,
}

impl Secure {
    /// Reads the files that `settings` name.
    ///
    /// # Errors
    /// They are no certificates and keys that belong together.
    pub(in crate::hyper) fn open(settings: &Tls) -> Result<Self, TlsError> {
        let current = Current::read(settings)?;
        Ok(Self { settings: settings.clone(), current: RwLock::new(current) })
    }

    /// Shakes hands with the client of `stream`; says what was agreed on.
    pub(in crate::hyper) async fn accept(
        &self,
        stream: Socket<TcpStream>,
    ) -> io::Result<(Secured, Variables)> {
        let config = Arc::clone(&self.read().config);
        let accepting = TlsAcceptor::from(config)
            .accept_with(stream, |connection| connection.set_buffer_limit(Some(HELD)));
        // What a handshake needs is not to be kept as long as the connection.
        let stream = Box::pin(accepting).await?;
        let variables = facts::variables(stream.get_ref().1);
        Ok((stream, variables))
    }

    /// Follows the files: takes over what is new and whole, for the connections to come.
    pub(in crate::hyper) async fn keep(self: Arc<Self>, journal: Arc<dyn Journal>) {
        for warning in &self.read().warnings {
            journal.write(Level::Warning, warning);
        }
        let mut seen = self.read().stamps.clone();
        loop {
            tokio::time::sleep(PERIOD).await;
            let now = stamps(&self.settings);
            // What has just been written may not be whole, or have its key still to come.
            let settled = std::mem::replace(&mut seen, now.clone()) == now;
            if settled && now != self.read().stamps {
                self.reload(now, &*journal);
            }
        }
    }

    fn reload(&self, stamps: Vec<Option<Stamp>>, journal: &dyn Journal) {
        match Current::read(&self.settings) {
            Ok(new) => {
                for warning in &new.warnings {
                    journal.write(Level::Warning, warning);
                }
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                journal.write(Level::Info, &"the new certificates are in use");
            }
            Err(error) => {
                let message = format_args!("{error}; the certificates from before stay in use");
                journal.write(Level::Error, &message);
                // Once is enough, until the files change again.
                self.current.write().unwrap_or_else(PoisonError::into_inner).stamps = stamps;
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Current {
    fn read(settings: &Tls) -> Result<Self, TlsError> {
        // Before the files: what changes while they are read is seen as a change.
        let stamps = stamps(settings);
        let Loaded { config, warnings } = load(settings)?;
        Ok(Self { config, stamps, warnings })
    }
}

impl Transport for Secured {
    /// Waits for the socket below: TLS has read all that has come, and holds back what has no room.
    fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        self.get_mut().0.awaited()
    }

    fn rejoin(&mut self) {
        self.get_mut().0.rejoin();
    }

    fn hung_up(&self) -> Option<HungUp> {
        self.get_ref().0.hung_up()
    }
}

/// Reads the files that `settings` name; says what is to be known of them.
pub(in crate::hyper) fn check(settings: &Tls) -> Result<Vec<String>, TlsError> {
    load(settings).map(|loaded| loaded.warnings)
}

/// Whether a failed handshake is of interest to whoever runs the server: a client that was turned
/// away for its certificate, and not one of the many that try their luck.
pub(in crate::hyper) fn is_refusal(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    match error {
        Some(Error::NoCertificatesPresented) => true,
        Some(Error::InvalidCertificate(why)) => !matches!(why, CertificateError::BadEncoding),
        _ => false,
    }
}
