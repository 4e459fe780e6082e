//! Connections that a proxy passes on with a header of its own.

use clap::{Args, builder::BoolishValueParser};
use narthex_adapters::Options;

use super::proxy::Proxy;
use crate::command::failure::Failure;

/// The PROXY protocol.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Behind a proxy")]
pub(in crate::command) struct ProxyProtocol {
    /// Every connection comes from a peer of --trust-proxy and begins with a PROXY header
    #[arg(long, env = "NARTHEX_PROXY_PROTOCOL", value_parser = BoolishValueParser::new())]
    proxy_protocol: bool,
}

impl ProxyProtocol {
    /// Tells the backend to expect the header.
    ///
    /// # Errors
    /// Nobody is trusted to send one.
    pub(in crate::command) fn open(
        &self,
        proxy: &Proxy,
        options: &mut Options,
    ) -> Result<(), Failure> {
        if self.proxy_protocol && proxy.trust().is_empty() {
            return Err(Failure::new(
                "N239",
                "--proxy-protocol without --trust-proxy",
                vec!["whoever may send a PROXY header may pass for any client".to_owned()],
                vec!["name the proxy's address or network: --trust-proxy 10.0.0.5".to_owned()],
            ));
        }
        options.proxy_protocol = self.proxy_protocol;
        Ok(())
    }
}
