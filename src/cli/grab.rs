//! `convscope grab`: stills from a camera.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::args::{CameraArgs, PictureArgs, PreprocessArgs};
use super::output;
use super::pictures;
use crate::record::save_numbered;
use crate::source::{CameraId, Levels, SourceSpec};

/// Save stills of a camera (or of a video, a folder, the test card) in the source's own size.
///
/// Those of more than 40 million pixels are made smaller by a whole factor, with a note. Files are numbered and go on where an earlier run stopped; nothing is overwritten.
#[derive(Args, Debug)]
#[command(after_help = "Example: convscope grab -n 5 --every 500ms -o stills")]
pub struct GrabArgs {
    /// `camera:0`, `camera:/dev/video2`, a video, a folder, a picture, `testcard` [default: camera:0].
    #[arg(value_name = "SOURCE")]
    pub source: Option<SourceSpec>,
    /// How many.
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub number: u64,
    /// From one still to the next: of a camera a time such as `500ms` or `2s`; of a video a number of frames.
    #[arg(long, value_name = "TIME|N", default_value = "0ms")]
    pub every: Every,
    /// Folder for the stills.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// PNG keeps every value; JPEG (quality 95) is smaller.
    #[arg(long, value_enum, default_value_t)]
    pub format: StillFormat,
    /// Which values of a picture's file become black and white: LOW..HIGH in the file's own numbers, or `auto`, the lowest and the
    /// highest of each picture [default: the whole range of its format].
    #[arg(long, value_name = "LEVELS", allow_hyphen_values = true)]
    pub levels: Option<Levels>,
    #[command(flatten)]
    pub camera: CameraArgs,
}

/// File formats of stills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StillFormat {
    /// Without loss.
    #[default]
    Png,
    /// With loss.
    Jpeg,
}

const JPEG_QUALITY: u8 = 95;

/// From one still to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Of a camera: `2s`.
    Time(Duration),
    /// Of a video, one of so many: `5`.
    Frames(NonZeroU32),
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(frames) = text.parse() {
            return Ok(Self::Frames(frames));
        }
        let (number, unit) = match text.strip_suffix("ms") {
            Some(number) => (number, 1e-3),
            None => {
                let number = text.strip_suffix('s');
                (number.ok_or("write a time with its unit, as in 500ms or 2s, or a number of frames")?, 1.0)
            }
        };
        match number.trim().parse::<f64>() {
            Ok(time) if (0.0..=86_400.0).contains(&(time * unit)) => {
                Ok(Self::Time(Duration::from_secs_f64(time * unit)))
            }
            _ => Err("a time from 0s to a day".into()),
        }
    }
}

pub fn run(args: &GrabArgs) -> anyhow::Result<ExitCode> {
    let source = args.source.clone().unwrap_or(SourceSpec::Camera(CameraId::Index(0)));
    let live = matches!(source, SourceSpec::Camera(_));
    let (time, every) = match args.every {
        Every::Time(time) => (time, NonZeroU32::MIN),
        Every::Frames(_) if live => {
            bail!("of a camera, --every takes a time with its unit, as in 500ms or 2s")
        }
        Every::Frames(every) => (Duration::ZERO, every),
    };
    let wanted = PictureArgs {
        paths: vec![source],
        frames: Some(args.number),
        every,
        camera: args.camera.clone(),
        preprocess: PreprocessArgs { levels: args.levels, ..PreprocessArgs::default() },
    };
    let mut last: Option<Instant> = None;
    pictures::for_each(&wanted, &mut |picture| {
        let frame = &picture.frame;
        let rgb = output::rgb_picture(frame)?;
        let mut bytes = std::io::Cursor::new(Vec::new());
        let ending = match args.format {
            StillFormat::Png => {
                rgb.write_to(&mut bytes, image::ImageFormat::Png)?;
                "png"
            }
            StillFormat::Jpeg => {
                rgb.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(
                    &mut bytes,
                    JPEG_QUALITY,
                ))?;
                "jpg"
            }
        };
        output::wrote(&save_numbered(&args.output, "still", ending, &bytes.into_inner())?)?;
        let next = last.unwrap_or(picture.frame.captured) + time;
        if live && picture.number as u64 + 1 < args.number {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        last = Some(next);
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!("500ms".parse(), Ok(Every::Time(Duration::from_millis(500))));
        assert_eq!("2s".parse(), Ok(Every::Time(Duration::from_secs(2))));
        assert_eq!("5".parse(), Ok(Every::Frames(NonZeroU32::new(5).unwrap())));
        for text in ["0", "-1s", "NaNs", "inf ms", "s"] {
            assert!(text.parse::<Every>().is_err(), "{text}");
        }
    }
}
