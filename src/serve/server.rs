//! The server: who listens, and what the view hears of pages.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::guard::Guard;
use super::hub::Hub;
use super::protocol::{Event, State};
use super::{connection, encoder};
use crate::gpu::outlet::Outlet;

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
