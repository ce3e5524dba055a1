//! How large a window opens, and how it is drawn to.

use winit::dpi::{LogicalSize, PhysicalSize};
use winit::event_loop::ActiveEventLoop;
use winit::window::{Window, WindowAttributes};

use super::Display;
use crate::app::setup::Setup;
use crate::gpu::{GpuContext, GpuError};

/// What window managers put around a window, in points: two edges, a title bar and an edge.
const FRAME: [f64; 2] = [4.0, 40.0];

/// Smaller than this the panels have no room.
const SMALLEST: [f64; 2] = [480.0, 320.0];

/// A window that is no larger than the screen has room for, unless its size was chosen.
pub(super) fn attributes(
    event_loop: &ActiveEventLoop,
    display: Option<&Display>,
    setup: &Setup,
) -> WindowAttributes {
    let screen = room(event_loop, display);
    let wanted = setup.size.map(f64::from);
    let size = screen.filter(|_| !setup.is_size_chosen).map_or(wanted, |screen| smaller(wanted, screen));
    let least = smaller(smaller(SMALLEST, screen.unwrap_or(SMALLEST)), size);
    Window::default_attributes()
        .with_title("convscope")
        .with_min_inner_size(LogicalSize::new(least[0], least[1]))
        .with_inner_size(LogicalSize::new(size[0], size[1]))
}

fn smaller(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
    [one[0].min(other[0]), one[1].min(other[1])]
}

/// What a screen leaves for the inside of a window, in points.
fn room(event_loop: &ActiveEventLoop, display: Option<&Display>) -> Option<[f64; 2]> {
    let monitor = event_loop.primary_monitor().or_else(|| event_loop.available_monitors().next())?;
    let whole: [u32; 2] = monitor.size().into();
    let area = display.and_then(Display::work_area).unwrap_or(whole);
    let points = |side: usize| f64::from(whole[side].min(area[side])) / monitor.scale_factor() - FRAME[side];
    Some([points(0), points(1)]).filter(|room| room.iter().all(|side| *side > 1.0))
}

/// How the window is drawn to.
pub(super) fn configuration(
    surface: &wgpu::Surface<'_>,
    gpu: &GpuContext,
    size: PhysicalSize<u32>,
) -> Result<wgpu::SurfaceConfiguration, GpuError> {
    let config = surface.get_default_config(&gpu.adapter, size.width.max(1), size.height.max(1));
    let mut config = config.ok_or(GpuError::NoAdapter)?;
    // Colormap bytes are sRGB already: a target that converts would brighten them.
    let can = surface.get_capabilities(&gpu.adapter);
    let plain = can.formats.iter().copied().find(|format| !format.is_srgb());
    config.format = plain.unwrap_or(config.format.remove_srgb_suffix());
    config.usage |= can.usages & wgpu::TextureUsages::COPY_DST;
    config.present_mode = wgpu::PresentMode::AutoVsync;
    config.desired_maximum_frame_latency = 2;
    Ok(config)
}

/// What the window shows next; `None` where there is nothing to draw to now.
pub(super) fn next_texture(
    surface: &wgpu::Surface<'_>,
    gpu: &GpuContext,
    config: &wgpu::SurfaceConfiguration,
    window: &Window,
) -> Option<wgpu::SurfaceTexture> {
    use wgpu::CurrentSurfaceTexture as Current;
    match surface.get_current_texture() {
        Current::Success(texture) | Current::Suboptimal(texture) => Some(texture),
        Current::Outdated | Current::Lost => {
            surface.configure(&gpu.device, config);
            window.request_redraw();
            None
        }
        // Occluded, or a driver that is late: the next drawing will do.
        Current::Timeout | Current::Occluded => None,
        Current::Validation => {
            tracing::warn!("the surface could not be drawn to");
            None
        }
    }
}
