//! What commands print and write, and how they end.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};

use crate::figure::Figure;
use crate::frame::Frame;
use crate::gpu::{Preprocessing, twin};
use crate::model::{InputScale, Shape};
use crate::record::{Existing, SaveError, save};
use crate::view::input_picture;

/// Ended by Ctrl-C, as shells count it.
pub const INTERRUPTED: u8 = 130;

/// Writes to standard output. Where nobody reads on (`convscope summary | head`), the work goes on without.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => bail!("standard output could not be written: {error}"),
        Ok(()) => Ok(()),
    }
}

/// Tells a file that was written.
pub fn wrote(path: &Path) -> anyhow::Result<()> {
    print(&format!("{}\n", path.display()))
}

/// The same; where standard output is a JSON document's alone, on standard error.
pub fn wrote_beside(path: &Path, json: bool) -> anyhow::Result<()> {
    if !json {
        return wrote(path);
    }
    eprintln!("convscope: {}", path.display());
    Ok(())
}

/// Before the work begins: that a file can be written at its end. `single`: it gets this very name.
pub fn check_output(path: Option<&Path>, single: bool, existing: Existing) -> anyhow::Result<()> {
    match path {
        Some(path) if single && existing == Existing::Keep && path.exists() => {
            Err(SaveError::Exists(path.into()).into())
        }
        _ => Ok(()),
    }
}

/// The same for a figure, whose name must end in a format.
pub fn check_figure(path: Option<&Path>, single: bool, existing: Existing) -> anyhow::Result<()> {
    if let Some(path) = path {
        Figure::check_name(path)?;
    }
    check_output(path, single, existing)
}

/// A frame as an 8-bit picture.
pub fn rgb_picture(frame: &Frame) -> anyhow::Result<RgbImage> {
    RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(frame))
        .ok_or_else(|| anyhow::anyhow!("{}: not a picture", frame.name))
}

/// The picture as the network sees it, whatever scale it takes.
pub fn seen_picture(frame: &Frame, how: Preprocessing, input: Shape) -> RgbImage {
    let values = twin::preprocess(frame, how, InputScale::default(), input);
    input_picture(&values, [input.width, input.height])
}

/// Lays `over` (of the same size) over a picture with this opacity, from 0 to 1.
pub fn lay_over(over: &mut RgbImage, under: &RgbImage, opacity: f32) {
    let mix = |over: u8, under: u8| f32::from(over) * opacity + f32::from(under) * (1.0 - opacity);
    for (over, under) in over.iter_mut().zip(under.iter()) {
        *over = mix(*over, *under).round() as u8;
    }
}

/// Writes a figure in the format that the file's name ends in.
pub fn save_figure(figure: &Figure, path: &Path, existing: Existing) -> anyhow::Result<()> {
    Ok(save(path, &figure.encode(path)?, existing)?)
}

/// Bytes as people write them.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A bar on the terminal for so many of `what`.
pub fn progress_bar(count: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let template = format!("{{bar:40}} {{pos}} of {{len}} {what} · {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
