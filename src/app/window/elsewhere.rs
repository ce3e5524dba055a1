//! Where there are no X servers: nothing to ask.

use super::keyboard::Script;

/// There is none.
#[derive(Debug)]
pub(super) enum Display {}

impl Display {
    pub fn of(_: &winit::event_loop::ActiveEventLoop) -> Option<Self> {
        None
    }

    pub fn script(&self) -> Option<Script> {
        match *self {}
    }

    pub fn work_area(&self) -> Option<[u32; 2]> {
        match *self {}
    }
}
