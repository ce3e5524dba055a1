//! The one wgpu device that drawing and (on a GPU) Burn share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::kept::Objects;

/// Bytes that crossed between host and GPU since the start, counted where this crate moves them.
#[derive(Debug, Default)]
pub struct Traffic {
    uploaded: AtomicU64,
    read_back: AtomicU64,
}

impl Traffic {
    /// Host → GPU.
    pub fn uploaded(&self) -> u64 {
        self.uploaded.load(Ordering::Relaxed)
    }

    /// GPU → host.
    pub fn read_back(&self) -> u64 {
        self.read_back.load(Ordering::Relaxed)
    }

    pub(super) fn count_upload(&self, bytes: u64) {
        self.uploaded.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn count_read_back(&self, bytes: u64) {
        self.read_back.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Device, queue and what they came from. Cheap to clone; any thread.
#[derive(Clone, Debug)]
pub struct GpuContext {
    /// The loader.
    pub instance: wgpu::Instance,
    /// The physical device.
    pub adapter: wgpu::Adapter,
    /// The logical device.
    pub device: wgpu::Device,
    /// Its only queue.
    pub queue: wgpu::Queue,
    /// Byte counters.
    pub traffic: Arc<Traffic>,
    /// What was made on the device.
    pub objects: Arc<Objects>,
}

/// One line of `convscope devices`.
#[derive(Clone, Debug)]
pub struct AdapterSummary {
    /// The adapter's name.
    pub name: String,
    /// Discrete GPU, integrated GPU, software…
    pub kind: &'static str,
    /// Vulkan, Metal, DirectX 12, OpenGL.
    pub backend: String,
    /// Driver and version.
    pub driver: String,
    /// True for a software rasterizer.
    pub is_software: bool,
}

impl From<wgpu::AdapterInfo> for AdapterSummary {
    fn from(info: wgpu::AdapterInfo) -> Self {
        Self {
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete GPU",
                wgpu::DeviceType::IntegratedGpu => "integrated GPU",
                wgpu::DeviceType::VirtualGpu => "virtual GPU",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "other",
            },
            backend: format!("{:?}", info.backend),
            driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
            is_software: info.device_type == wgpu::DeviceType::Cpu,
            name: info.name,
        }
    }
}

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No driver at all.
    #[error(
        "no graphics adapter found: install a Vulkan driver (without a GPU: Mesa's software driver, package mesa-vulkan-drivers or vulkan-swrast)"
    )]
    NoAdapter,
    /// `--adapter` names none of them.
    #[error("no graphics adapter is called `{wanted}`: there are {found} (`convscope devices` lists them)")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// The names of all adapters.
        found: String,
    },
    /// A frame that no buffer of this adapter can hold.
    #[error("a picture of {width}×{height} is too large for the graphics adapter: make it smaller")]
    FrameTooLarge {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// The driver refused.
    #[error(
        "{adapter} could not be opened: {reason}; try another with `--adapter` (`convscope devices` lists them)"
    )]
    Device {
        /// The adapter's name.
        adapter: String,
        /// What the driver said.
        reason: String,
    },
}

/// The graphics loader. `display` is needed where a window will be opened through OpenGL.
pub fn new_instance(display: Option<Box<dyn wgpu::wgt::WgpuHasDisplayHandle>>) -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.display = display;
    wgpu::Instance::new(descriptor)
}

/// All adapters that can compute, best first: GPUs before software.
fn adapters(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let mut all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let is_gl = |adapter: &wgpu::Adapter| adapter.get_info().backend == wgpu::Backend::Gl;
    // OpenGL offers the same devices again: it is only for machines without anything newer.
    if !all.iter().all(is_gl) {
        all.retain(|adapter| !is_gl(adapter));
    }
    all.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    all.retain(|adapter| {
        adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    });
    all
}

/// What `convscope devices` prints.
pub fn list_adapters() -> Vec<AdapterSummary> {
    adapters(&new_instance(None)).into_iter().map(|adapter| adapter.get_info().into()).collect()
}

impl GpuContext {
    /// Opens the best adapter, or the first whose name contains `name`, that can draw to `surface`.
    ///
    /// # Errors
    /// [`GpuError`]; each message says what to do.
    pub fn open(
        instance: wgpu::Instance,
        name: Option<&str>,
        surface: Option<&wgpu::Surface<'_>>,
    ) -> Result<Self, GpuError> {
        let mut all = adapters(&instance);
        if all.is_empty() {
            return Err(GpuError::NoAdapter);
        }
        all.retain(|adapter| surface.is_none_or(|surface| adapter.is_surface_supported(surface)));
        let names: Vec<_> = all.iter().map(|adapter| adapter.get_info().name).collect();
        let wanted = name.unwrap_or_default().to_lowercase();
        let position = names.iter().position(|name| name.to_lowercase().contains(&wanted));
        let adapter = match position {
            Some(position) => all.swap_remove(position),
            None if names.is_empty() => return Err(GpuError::NoAdapter),
            None => {
                let found = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                return Err(GpuError::NoSuchAdapter { wanted: name.unwrap_or_default().into(), found });
            }
        };
        // Burn reads the ADAPTER's features and compiles shaders for all of them, so the device must have all.
        // Not mappable buffers: they move every buffer into slower memory.
        let features = adapter.features().difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
        #[expect(
            unsafe_code,
            reason = "the token says that experimental features are wanted; Burn's own set-up does the same"
        )]
        // SAFETY: no shader of this crate uses an experimental feature; Burn's are made for them.
        let experimental_features = unsafe { wgpu::ExperimentalFeatures::enabled() };
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("convscope"),
            required_features: features,
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            trace: wgpu::Trace::Off,
            experimental_features,
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| GpuError::Device {
            adapter: adapter.get_info().name,
            reason: error.to_string(),
        })?;
        Ok(Self { instance, adapter, device, queue, traffic: Arc::default(), objects: Arc::default() })
    }

    /// The adapter in words.
    pub fn summary(&self) -> AdapterSummary {
        self.adapter.get_info().into()
    }

    /// True where its shaders can compute in 16 bits.
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// Has uploads that wait for the next submission begin, and waits until everything has run.
    pub fn settle(&self) {
        self.flush();
        self.wait();
    }

    /// Waits until everything submitted so far has run.
    pub fn wait(&self) {
        if let Err(error) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            tracing::warn!("waiting for the GPU: {error}");
        }
    }
}
