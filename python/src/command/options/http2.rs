//! HTTP/2.

use clap::Args;
use narthex_core::Limits;

/// What a client may do over HTTP/2.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub(in crate::command) struct Http2 {
    /// Most requests at once on an HTTP/2 connection [default: 100]
    #[arg(
        long, env = "NARTHEX_H2_MAX_STREAMS", value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        aliases = ["http2-max-concurrent-streams", "h2-max-concurrent-streams"]
    )]
    h2_max_streams: Option<u32>,
}

impl Http2 {
    /// Sets the limits that were asked for.
    pub(in crate::command) fn limit(&self, limits: &mut Limits) {
        if let Some(streams) = self.h2_max_streams {
            limits.streams = streams;
        }
    }
}
