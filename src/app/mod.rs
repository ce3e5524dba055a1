//! The view: what the user chose, what is drawn, in a window or off screen. The only folder that names winit
//! and egui; everything here runs on the main thread.

mod arrange;
mod bases;
mod best;
pub mod cell;
mod channel;
mod damage;
pub mod download;
mod first_run;
pub mod followed;
mod following;
mod geometry;
pub mod guests;
mod health;
pub mod keys;
pub mod lens;
mod loading;
mod means;
pub mod offscreen;
mod outcome;
mod painter;
mod palette;
mod panels;
mod placing;
pub mod player;
pub mod presenter;
pub mod recorder;
mod relations;
mod renderer;
pub mod results;
mod running;
mod scene;
pub mod served;
mod setup;
mod shown;
mod snapshot;
mod sources;
pub mod state;
pub mod theme;
pub mod view;
mod view_model;
pub mod window;

pub use setup::{Setup, fallback_note, placement_on, software_note};
