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
mod socket;
mod uploads;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::gpu::outlet::Outlet;
use hub::Hub;

pub use guard::Guard;
pub use protocol::{Event, Pointer, State};

/// Connections at a time; others are closed at once.
const MOST_CONNECTIONS: usize = 64;

/// How often is looked whether the server is to end.
const LOOK: Duration = Duration::from_millis(50);

/// A server that runs. Dropping it closes all connections.
pub struct Server {
    address: SocketAddr,
    hub: Arc<Hub>,
}

impl Server {
    /// Listens, and serves what an outlet gives. `wake` is called whenever there are events.
    ///
    /// # Errors
    /// Where the address cannot be listened on, or the system has no thread to give.
    pub fn start(
        address: SocketAddr,
        guard: Guard,
        outlet: &Outlet,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        // So that it can be ended.
        listener.set_nonblocking(true)?;
        let hub = Arc::new(Hub::new(guard, wake)?);
        encoder::start(outlet, hub.clone())?;
        let for_thread = hub.clone();
        thread::Builder::new().name("serve".into()).spawn(move || accept(&listener, &for_thread))?;
        Ok(Self { address, hub })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was done in the page since the last call.
    pub fn events(&self) -> Vec<Event> {
        self.hub.events()
    }

    /// Has pages say what is shown.
    pub fn tell(&self, state: State) {
        self.hub.tell(state);
    }

    /// Lets pages download what is in a folder.
    pub fn offer(&self, folder: &std::path::Path) {
        self.hub.offer(folder);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.hub.close();
    }
}

fn accept(listener: &TcpListener, hub: &Arc<Hub>) {
    while !hub.is_closed() {
        match listener.accept() {
            Ok((stream, _)) => {
                let Some(place) = hub.take_place(MOST_CONNECTIONS) else {
                    hub.log("too many connections at a time: one was closed");
                    continue;
                };
                let for_thread = hub.clone();
                let serve = move || {
                    connection::serve(stream, &for_thread);
                    drop(place);
                };
                // Without a thread the connection is closed.
                let _ = thread::Builder::new().name("page".into()).spawn(serve);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(LOOK),
            // Such as too many open files: it may pass.
            Err(_) => thread::sleep(LOOK),
        }
    }
}
