//! Where pages are served, as an option of the view.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;

use crate::app::guests::ServeOptions;

/// Where pages are served, where nobody says another port.
pub const USUAL_PORT: u16 = 7878;

/// Pages that show the view.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pages")]
pub struct PageArgs {
    /// The address that pages are served at; others than this machine's own can be reached from elsewhere, with the link that is
    /// printed (docs/serve.md says what is exposed to whom) [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// A name of this machine that pages may ask by, beside addresses and localhost; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
}

impl PageArgs {
    /// True where something was said.
    pub fn is_said(&self) -> bool {
        self.listen.is_some() || !self.host.is_empty()
    }

    /// As the view understands it.
    pub fn options(&self, port: u16) -> ServeOptions {
        ServeOptions {
            listen: self.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            port,
            hosts: self.host.clone(),
        }
    }
}
