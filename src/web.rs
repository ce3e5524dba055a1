//! How servers are asked: limits of time, authorities, proxies.

use std::net::IpAddr;
use std::time::Duration;

use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For a name to be found, and again for a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub stall: Duration,
    /// For everything.
    pub all: Option<Duration>,
}

/// Follows so many redirections, and hands out any answer, also one that is a failure. Connections to this machine have to be kept
/// from proxies by whoever asks ([`is_loopback`]).
pub fn agent(waits: Waits, roots: RootCerts, redirections: u32) -> Agent {
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(Proxy::try_from_env())
        .max_redirects(redirections)
        .max_redirects_will_error(redirections > 0)
        .http_status_as_error(false)
        .user_agent(concat!("convscope/", env!("CARGO_PKG_VERSION")))
        .timeout_global(waits.all)
        .timeout_resolve(Some(waits.connect))
        .timeout_connect(Some(waits.connect))
        .timeout_per_read(Some(waits.stall))
        .timeout_per_write(Some(waits.stall))
        .timeout_recv_response(Some(waits.stall));
    config.build().into()
}

/// This machine: `localhost`, 127.0.0.0/8 or `[::1]`.
pub fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
