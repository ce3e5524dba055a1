//! The view without a window, for pages alone: drawn into a texture as they look, at the size that the page with the controls has
//! room for. Main thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::geometry::scale_of;
use super::running::Running;
use super::scene::Scene;
use super::setup::Setup;
use crate::gpu::{GpuContext, GpuError, new_instance};

/// What the view is drawn into.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// How often is looked whether the program is to end.
const LOOK: Duration = Duration::from_millis(100);

/// Layouts one after the other, where something had no place yet.
const MOST_LAYOUTS: usize = 4;

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No adapter, or a failing device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Source, weights, address.
    #[error("{0}")]
    Failed(String),
}

/// Wakes the loop, from any thread.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// True where it rang, within the time given.
    fn wait(&self, time: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, time, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rung)
    }
}

/// Serves the view until `interrupted` is set.
///
/// # Errors
/// [`ServeError`].
pub fn run(setup: Setup, interrupted: &AtomicBool) -> Result<(), ServeError> {
    let gpu = GpuContext::open(new_instance(None), setup.adapter.as_deref(), None)?;
    let limit = gpu.device.limits().max_texture_dimension_2d;
    let mut size = setup.size;
    let bell = Arc::new(Bell::default());
    let rings = bell.clone();
    let wake = Arc::new(move || rings.ring());
    let ctx = egui::Context::default();
    let mut running = Running::start(setup, &gpu, FORMAT, ctx, wake).map_err(ServeError::Failed)?;
    let mut next_look: Option<Instant> = None;
    while !interrupted.load(Ordering::Relaxed) {
        let is_due = || next_look.is_some_and(|at| at <= Instant::now());
        if !bell.wait(LOOK) && !is_due() {
            continue;
        }
        running.take_news().map_err(ServeError::Failed)?;
        if let Some(wanted) = running.take_guests(size, scale_of(size, 1.0)) {
            size = wanted.map(|side| side.min(limit));
        }
        next_look = None;
        // Nobody sees it: the network goes on, as what is seen is remembered.
        if !running.is_watched() {
            continue;
        }
        let scale = scale_of(size, 1.0);
        for _ in 0..MOST_LAYOUTS {
            let laid_out = running.lay_out(Scene::raw_input(size, scale), size, scale);
            next_look = running.next_look(&laid_out);
            let mut again = laid_out.again;
            for action in laid_out.arrangement.actions {
                running.apply(action, scale);
                again = true;
            }
            if !again {
                break;
            }
        }
        running.view.present();
    }
    Ok(())
}
