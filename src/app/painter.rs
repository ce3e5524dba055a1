//! Draws what egui has laid out. Its own renderer for wgpu decides for each pixel in what way its texture is read, which makes
//! panels several times as expensive on a software driver.

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, Primitive, Vertex as PanelVertex};
use egui::{Rect, TextureId, TexturesDelta};

use crate::gpu::{GpuContext, Mesh, MeshRenderer, MeshTexture};

/// The panels' textures and the shader.
pub struct Painter {
    renderer: MeshRenderer,
    textures: HashMap<TextureId, MeshTexture>,
}

impl Painter {
    /// Compiles the shader for targets of this format, which must not be sRGB.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat) -> Self {
        Self { renderer: MeshRenderer::new(gpu, format), textures: HashMap::new() }
    }

    /// Takes what egui changed: its letters, read between their pixels as all its textures are.
    pub fn update(&mut self, gpu: &GpuContext, changed: &TexturesDelta) {
        for (id, deltas) in &changed.set {
            for delta in deltas {
                let egui::ImageData::Color(image) = &delta.image;
                let size = image.size.map(|side| side as u32);
                let pixels = bytemuck::cast_slice(&image.pixels);
                match (delta.pos, self.textures.get(id)) {
                    (Some(at), Some(texture)) => texture.write(gpu, at.map(|edge| edge as u32), size, pixels),
                    (Some(_), None) => tracing::warn!("egui changes {id:?}, which it has not sent"),
                    (None, _) => {
                        let texture = MeshTexture::new(gpu, size);
                        texture.write(gpu, [0, 0], size, pixels);
                        self.textures.insert(*id, texture);
                    }
                }
            }
        }
        for id in &changed.free {
            self.textures.remove(id);
        }
    }

    /// Draws over what is there; `size` is the target's in pixels, `scale` how many of them a point has.
    pub fn draw(
        &mut self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        primitives: &[ClippedPrimitive],
        size: [u32; 2],
        scale: f32,
    ) {
        let meshes: Vec<_> = primitives
            .iter()
            .filter_map(|ClippedPrimitive { clip_rect, primitive }| {
                // There are no paint callbacks.
                let Primitive::Mesh(mesh) = primitive else { return None };
                Some(Mesh {
                    clip: clip(*clip_rect, size, scale),
                    texture: self.textures.get(&mesh.texture_id)?,
                    vertices: bytemuck::cast_slice::<PanelVertex, _>(&mesh.vertices),
                    indices: &mesh.indices,
                })
            })
            .collect();
        self.renderer.draw(gpu, pass, size.map(|side| side as f32 / scale), &meshes);
    }
}

/// The part of a target within a rectangle in points: left, top, width, height in whole pixels.
fn clip(rect: Rect, size: [u32; 2], scale: f32) -> [u32; 4] {
    let pixel = |edge: f32, least: u32, most: u32| ((edge * scale).round() as u32).clamp(least, most);
    let (x, y) = (pixel(rect.min.x, 0, size[0]), pixel(rect.min.y, 0, size[1]));
    [x, y, pixel(rect.max.x, x, size[0]) - x, pixel(rect.max.y, y, size[1]) - y]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_clipped() {
        let rect = |left, top, right, bottom| Rect::from_min_max([left, top].into(), [right, bottom].into());
        assert_eq!(clip(rect(1.0, 2.0, 3.4, 5.0), [100, 100], 1.5), [2, 3, 3, 5]);
        assert_eq!(clip(rect(-9.0, -9.0, 900.0, 900.0), [40, 30], 2.0), [0, 0, 40, 30]);
        assert_eq!(clip(rect(50.0, 50.0, 60.0, 60.0), [40, 30], 1.0), [40, 30, 0, 0]);
    }
}
