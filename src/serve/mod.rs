//! The view in browsers: a small server of one page, pictures of the view, and what is done there. It knows no network and no view:
//! pictures come out of an outlet, and events go into a channel.
//!
//! One thread accepts, one encodes, and each connection has its own; none of them is waited for by whoever presents. What may be had
//! is bounded: connections, heads, messages, files. Who is let in is decided by `guard` alone.

mod connection;
mod encoder;
mod guard;
mod head;
mod hub;
mod protocol;
mod server;
mod socket;
mod uploads;

pub use guard::Guard;
pub use protocol::{Event, Pointer, State};
pub use server::Server;
