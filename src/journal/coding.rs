//! Frames as bytes and back, without loss. Pure.

use std::sync::Arc;
use std::time::Instant;

use super::FrameHead;
use crate::frame::{Frame, PixelFormat};

/// A frame's content in a record.
pub(super) fn encode(frame: &Frame) -> Result<Vec<u8>, String> {
    let head = FrameHead {
        id: frame.id,
        size: [frame.width, frame.height],
        format: frame.format.name().into(),
        name: frame.name.to_string(),
        note: frame.note.as_ref().map(ToString::to_string),
        source: frame.source.to_string(),
    };
    let head = serde_json::to_vec(&head).map_err(|error| error.to_string())?;
    let mut content = (head.len() as u32).to_le_bytes().to_vec();
    content.extend(head);
    let [width, height] = layout(frame.format, frame.width, frame.height);
    let mut encoder = png::Encoder::new(&mut content, width, height);
    encoder.set_color(color(frame.format));
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&frame.bytes));
    written.map_err(|error| error.to_string())?;
    Ok(content)
}

/// The head alone.
pub(super) fn head(content: &[u8]) -> Result<(FrameHead, &[u8]), String> {
    let damaged = || "a frame of it is damaged".to_string();
    let (length, rest) = content.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (head, bytes) = rest.split_at_checked(length).ok_or_else(damaged)?;
    Ok((serde_json::from_slice(head).map_err(|error| error.to_string())?, bytes))
}

pub(super) fn decode(content: &[u8]) -> Result<Frame, String> {
    let (head, bytes) = head(content)?;
    let formats = [PixelFormat::Rgb8, PixelFormat::Yuyv, PixelFormat::Nv12];
    let format = formats.into_iter().find(|format| format.name() == head.format);
    let format = format.ok_or_else(|| format!("a frame of it has an unknown format, {}", head.format))?;
    let [width, height] = head.size;
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().map_err(|e| e.to_string())?;
    let expected = (u64::from(width) * u64::from(height)).checked_mul(3).filter(|bytes| *bytes < 1 << 31);
    let expected = expected.and_then(|_| reader.output_buffer_size()).filter(|bytes| *bytes < 1 << 31);
    let mut pixels = vec![0; expected.ok_or("a frame of it is too large")?];
    reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    let frame = Frame::new(head.id, (width, height), format, &pixels, head.name.into());
    let frame = frame.map_err(|error| error.to_string())?;
    let note: Option<Arc<str>> = head.note.map(Into::into);
    Ok(Frame { captured: Instant::now(), note, source: head.source.into(), ..frame })
}

/// Width and height of the picture that its bytes make: rows of brightness and colour where they are apart.
fn layout(format: PixelFormat, width: u32, height: u32) -> [u32; 2] {
    match format {
        PixelFormat::Rgb8 => [width, height],
        PixelFormat::Yuyv => [width * 2, height],
        PixelFormat::Nv12 => [width, height * 3 / 2],
    }
}

fn color(format: PixelFormat) -> png::ColorType {
    match format {
        PixelFormat::Rgb8 => png::ColorType::Rgb,
        PixelFormat::Yuyv | PixelFormat::Nv12 => png::ColorType::Grayscale,
    }
}
