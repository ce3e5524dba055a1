//! Draws what egui has laid out. Its own renderer for wgpu decides for each pixel in what way its texture is read, which makes
//! panels several times as expensive on a software driver.

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, Primitive, Vertex as PanelVertex};
use egui::{Context, Rect, TextureId, TexturesDelta};

use super::damage::{self, PanelLayout};
use crate::gpu::{GpuContext, Mesh, MeshRenderer, MeshTexture, UploadedMesh};

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

    /// Takes what egui changed: its letters, read between their pixels as all its textures are. True where what was drawn
    /// with them looks different now: letters that come in addition change none that were there.
    pub fn update(&mut self, gpu: &GpuContext, changed: &TexturesDelta) -> bool {
        let is_addition = |id, pos: Option<_>| id == TextureId::default() && pos.is_some();
        let replaced =
            changed.set.iter().any(|(id, deltas)| deltas.iter().any(|delta| !is_addition(*id, delta.pos)));
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
        replaced
    }

    /// Puts into memory what is drawn within parts of the view, in pixels. What was uploaded before is to be submitted by
    /// then.
    pub fn upload(
        &mut self,
        gpu: &GpuContext,
        ctx: &Context,
        layout: &PanelLayout,
        parts: &[Rect],
    ) -> Vec<Part> {
        let scale = layout.scale;
        let tessellated = parts.iter().map(|part| {
            let touched = damage::touching(&layout.shapes, *part / scale).cloned();
            (*part, ctx.tessellate(touched.collect(), scale))
        });
        let tessellated: Vec<_> = tessellated.collect();
        let meshes = tessellated.iter().map(|(part, primitives)| {
            primitives.iter().filter_map(|primitive| mesh(primitive, &self.textures, *part, scale)).collect()
        });
        let meshes: Vec<Vec<_>> = meshes.collect();
        let mut uploaded = self.renderer.upload(gpu, &meshes.concat()).into_iter();
        let mut next = |count| uploaded.by_ref().take(count).collect();
        parts.iter().zip(meshes).map(|(rect, own)| Part { rect: *rect, meshes: next(own.len()) }).collect()
    }

    /// Draws what was uploaded last over what is there.
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        meshes: &[UploadedMesh],
        layout: &PanelLayout,
    ) {
        self.renderer.draw(gpu, pass, layout.size.map(|side| side as f32 / layout.scale), meshes);
    }
}

/// What of the panels is drawn within a part of the view.
pub struct Part {
    /// In whole pixels.
    pub rect: Rect,
    /// Over the picture and the tiles.
    pub meshes: Vec<UploadedMesh>,
}

/// What is drawn of a primitive within a part of the view.
fn mesh<'a>(
    primitive: &'a ClippedPrimitive,
    textures: &'a HashMap<TextureId, MeshTexture>,
    part: Rect,
    scale: f32,
) -> Option<Mesh<'a>> {
    // There are no paint callbacks.
    let Primitive::Mesh(mesh) = &primitive.primitive else { return None };
    Some(Mesh {
        clip: clip(primitive.clip_rect * scale, part),
        texture: textures.get(&mesh.texture_id)?,
        vertices: bytemuck::cast_slice::<PanelVertex, _>(&mesh.vertices),
        indices: &mesh.indices,
    })
}

/// A rectangle, to the nearest whole pixel, as far as it lies within a part: left, top, width, height.
fn clip(rect: Rect, part: Rect) -> [u32; 4] {
    let (from, to) = (rect.min.round().clamp(part.min, part.max), rect.max.round().clamp(part.min, part.max));
    [from.x, from.y, (to.x - from.x).max(0.0), (to.y - from.y).max(0.0)].map(|edge| edge as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_clipped() {
        let rect = |left, top, right, bottom| Rect::from_min_max([left, top].into(), [right, bottom].into());
        let whole = |width, height| rect(0.0, 0.0, width, height);
        assert_eq!(clip(rect(1.4, 3.0, 5.1, 7.5), whole(100.0, 100.0)), [1, 3, 4, 5]);
        assert_eq!(clip(rect(-9.0, -9.0, 900.0, 900.0), whole(40.0, 30.0)), [0, 0, 40, 30]);
        assert_eq!(clip(rect(50.0, 50.0, 60.0, 60.0), whole(40.0, 30.0)), [40, 30, 0, 0]);
        assert_eq!(clip(rect(0.0, 0.0, 90.0, 20.0), rect(10.0, 10.0, 40.0, 30.0)), [10, 10, 30, 10]);
    }
}
