//! The window and what is in it. The only folder that names winit and egui.

pub mod keymap;
pub mod state;
