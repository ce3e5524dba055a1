//! Burn ⇄ wgpu: the only file that knows both. Called on the inference thread, which owns all Burn work.
//!
//! What crosses is a [`FeatureMapBuffer`]: Burn's own memory with its strides, no copy. Two things protect the
//! numbers until they are drawn, and both travel in `keep_alive`: a clone of the tensor, because Burn's
//! operations work in place on a tensor that nobody else holds, and the resource, because its memory would be
//! handed out again.

use std::sync::{Arc, Mutex};

use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::{Device, Tensor};
use burn_wgpu::{AutoCompiler, CubeTensor, Wgpu};
use cubecl::wgpu::WgpuServer;

use crate::gpu::{FeatureMapBuffer, GpuContext};
use crate::model::Shape;

/// What went wrong between Burn and wgpu.
#[derive(Debug, thiserror::Error)]
#[error("the network's memory could not be reached: {0}")]
pub struct BridgeError(String);

impl BridgeError {
    fn new(error: impl std::fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

/// A Burn device on the wgpu device that we draw with.
///
/// # Errors
/// When the adapter cannot compute.
pub fn adopt(gpu: &GpuContext) -> Result<Device, BridgeError> {
    let setup = WgpuSetup {
        instance: gpu.instance.clone(),
        adapter: gpu.adapter.clone(),
        device: gpu.device.clone(),
        queue: gpu.queue.clone(),
        backend: gpu.adapter.get_info().backend,
    };
    Device::wgpu_options().setup(setup).init().map_err(|error| BridgeError(error.to_string()))
}

fn primitive(tensor: Tensor<4>) -> Result<CubeTensor, BridgeError> {
    tensor.try_into_primitive::<Wgpu>().map_err(BridgeError::new)
}

/// Where the values of a `[1, channels, height, width]` f32 tensor lie. Hands Burn's pending work to the GPU's
/// queue, so that what is submitted from here on sees the values.
///
/// # Errors
/// When the tensor is not on the adopted device, or a computation behind it failed.
pub fn feature_map(tensor: Tensor<4>) -> Result<FeatureMapBuffer, BridgeError> {
    let [_, channels, height, width] = tensor.dims();
    let cube = primitive(tensor.clone())?;
    if cube.dtype != burn::tensor::DType::F32 {
        return Err(BridgeError(format!("values are {:?}, not f32", cube.dtype)));
    }
    let strides = cube.meta.strides().to_vec();
    let resource = cube
        .client
        .get_resource::<WgpuServer<AutoCompiler>>(cube.handle.clone())
        .map_err(BridgeError::new)?;
    cube.client.flush().map_err(BridgeError::new)?;
    let place = resource.resource();
    let (buffer, offset) = (place.buffer.clone(), place.offset);
    Ok(FeatureMapBuffer {
        buffer,
        offset,
        shape: Shape { channels, height, width },
        strides: [strides[1] as u32, strides[2] as u32, strides[3] as u32],
        // The mutex is never locked: it only makes the pair shareable between threads.
        keep_alive: Arc::new(Mutex::new((tensor, resource))),
    })
}

/// A new tensor for the network's input, and where our shader is to write it. Write and submit before the
/// network is enqueued.
///
/// # Errors
/// When memory cannot be had.
pub fn allocate_input(shape: Shape, device: &Device) -> Result<(Tensor<4>, FeatureMapBuffer), BridgeError> {
    let tensor = Tensor::<4>::empty([1, shape.channels, shape.height, shape.width], device);
    let map = feature_map(tensor.clone())?;
    Ok((tensor, map))
}

/// Hands pending work to the GPU and waits until all of it has run.
///
/// # Errors
/// When the device is lost.
pub fn drain(gpu: &GpuContext, tensor: &Tensor<4>) -> Result<(), BridgeError> {
    primitive(tensor.clone())?.client.flush().map_err(BridgeError::new)?;
    gpu.wait();
    Ok(())
}
