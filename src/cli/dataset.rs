//! `convscope dataset`: drawings of what the embedded network knows.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::shapes::dataset::{Options, Split, write};

/// Draw pictures of the things that the embedded network knows, as its training had them.
///
/// The same seed gives the same pictures. models/embedded/README.md tells how the network was trained on them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope dataset --count 270 --size 299 -o drawings
  convscope dataset --count 5000 --size 299 --split held-out --backgrounds photos/ -o judge")]
pub struct DatasetArgs {
    /// A new or empty folder; a folder in it for each class.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// How many pictures.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub count: u32,
    /// Side of a picture in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 299, value_parser = clap::value_parser!(u32).range(16..=2048))]
    pub size: u32,
    /// Start of all chance.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// To learn from, or to judge with: they share no picture.
    #[arg(long, value_enum, default_value_t)]
    pub split: SplitChoice,
    /// Folder of photographs for backgrounds, beside the drawn ones.
    #[arg(long, value_name = "DIR")]
    pub backgrounds: Option<PathBuf>,
    /// Font file for letters and digits, in place of the built-in fonts; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub font: Vec<PathBuf>,
    /// One block of bytes (`images.u8`, `labels.u8`) in place of JPEG files, for a training script.
    #[arg(long)]
    pub raw: bool,
}

/// `--split`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SplitChoice {
    /// To learn from.
    #[default]
    Train,
    /// To judge with.
    HeldOut,
}

pub fn run(args: &DatasetArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.output;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "{}: the folder is not empty, and nothing in it is overwritten: name a new one",
            folder.display()
        );
    }
    let options = Options {
        seed: args.seed,
        count: args.count as usize,
        size: args.size as usize,
        split: match args.split {
            SplitChoice::Train => Split::Train,
            SplitChoice::HeldOut => Split::HeldOut,
        },
        backgrounds: args.backgrounds.clone(),
        fonts: args.font.clone(),
        raw: args.raw,
    };
    let bar = ProgressBar::new(u64::from(args.count));
    bar.set_style(ProgressStyle::with_template("{pos} of {len} pictures {wide_bar} {eta} left")?);
    write(folder, &options, &mut |count| bar.set_position(count as u64))?;
    bar.finish_and_clear();
    output::wrote(folder)?;
    Ok(ExitCode::SUCCESS)
}
