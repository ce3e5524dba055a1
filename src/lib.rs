//! convscope, a live inspector for convolutional networks. `ARCHITECTURE.md` is the map of the house.

pub mod app;
pub mod bridge;
pub mod cli;
pub mod engine;
pub mod figure;
mod folders;
pub mod follow;
pub mod frame;
pub mod gpu;
pub mod inspect;
pub mod journal;
pub mod latest;
pub mod model;
pub mod network;
pub mod prefer;
pub mod record;
pub mod serve;
pub mod session;
pub mod shapes;
pub mod source;
pub mod view;
mod web;
pub mod weights;
