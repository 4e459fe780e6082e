//! Behind a proxy: whom to believe.

use clap::Args;
use narthex_core::{ProxyHeaders, Site, Trust};

/// What is believed of those who connect.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Behind a proxy")]
pub(in crate::command) struct Proxy {
    /// Believe these peers who their clients are: networks, addresses, `unix` or `*`
    #[arg(
        long, env = "NARTHEX_TRUST_PROXY", value_name = "CIDR,…", value_parser = str::parse::<Trust>,
        alias = "forwarded-allow-ips"
    )]
    trust_proxy: Vec<Trust>,
    /// Fields that those peers set: x-forwarded, forwarded, or a list; the others are dropped
    #[arg(
        long, env = "NARTHEX_PROXY_HEADERS", value_name = "NAME,…",
        default_value_t, value_parser = str::parse::<ProxyHeaders>
    )]
    proxy_headers: ProxyHeaders,
}

impl Proxy {
    /// Whom to believe.
    pub(in crate::command) fn trust(&self) -> Trust {
        self.trust_proxy.iter().cloned().collect()
    }

    /// Tells the site whom to believe.
    pub(in crate::command) fn site(&self, site: &mut Site) {
        site.trust = self.trust();
        site.proxy_headers = self.proxy_headers;
    }
}
