//! Writes drawings into a folder: pictures for people, or one block of bytes that a training script maps into memory.
//!
//! Runs where it is called; pictures are drawn on rayon's threads.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Class, Fonts, Photo, Props, draw};

/// Which half of the world pictures come from: the two share no seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// To learn from.
    #[default]
    Train,
    /// To judge with. Give it photographs and fonts that the other did not have.
    HeldOut,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Options {
    /// Start of all chance.
    pub seed: u64,
    /// Number of pictures; classes take turns, and every ninth picture more is of nothing in particular.
    pub count: usize,
    /// Side of a picture in pixels.
    pub size: usize,
    /// What for.
    pub split: Split,
    /// Folder of photographs.
    pub backgrounds: Option<PathBuf>,
    /// Font files in place of the built-in typefaces.
    pub fonts: Vec<PathBuf>,
    /// `images.u8` (count × size × size × 3 bytes) in place of a file for each picture.
    pub raw: bool,
}

/// Why a data set was not written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder.
    #[error("{path}: the data set cannot be written: {source}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of photographs.
    #[error("{path}: the photographs cannot be read: {source}", path = path.display())]
    Backgrounds {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A picture.
    #[error("{path}: the picture cannot be written: {source}", path = path.display())]
    Picture {
        /// Which.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
}

/// Pictures that are drawn at a time.
const BATCH: usize = 256;

/// Class of the picture with this number, and its seed.
fn picture(options: &Options, number: usize) -> (Class, u64) {
    let all = Class::ALL.len();
    // Nothing in particular has more faces than any class.
    let class = Class::ALL[(number % (all + 3)).saturating_sub(3)];
    let half = if options.split == Split::Train { 0 } else { 1 << 40 };
    (class, options.seed.wrapping_mul(1 << 20).wrapping_add(number as u64 + half))
}

/// Writes a data set: `labels.txt` (a class name a line, in the order of the network's outputs) and a folder of JPEG
/// pictures for each class, or with `raw` `images.u8` and `labels.u8` (a byte for each picture). `progress` is told how
/// many pictures are there.
///
/// # Errors
/// [`DatasetError`], where a file cannot be read or written; what was written by then stays.
pub fn write(folder: &Path, options: &Options, progress: &mut dyn FnMut(usize)) -> Result<(), DatasetError> {
    let write_error = |path: &Path| {
        let path = path.to_path_buf();
        move |source| DatasetError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    let names: String = Class::ALL.iter().map(|class| format!("{}\n", class.name())).collect();
    let labels = folder.join("labels.txt");
    fs::write(&labels, names).map_err(write_error(&labels))?;
    let photos = match &options.backgrounds {
        Some(path) => Photo::of_folder(path)
            .map_err(|source| DatasetError::Backgrounds { path: path.clone(), source })?,
        None => Vec::new(),
    };
    let own;
    let fonts = if options.fonts.is_empty() {
        Fonts::built_in()
    } else {
        own = Fonts::of_files(options.fonts.iter().map(PathBuf::as_path));
        &own
    };
    let props = Props { photos, fonts };
    let mut raw = match options.raw {
        true => {
            let labels: Vec<u8> = (0..options.count).map(|i| picture(options, i).0.index() as u8).collect();
            let path = folder.join("labels.u8");
            fs::write(&path, labels).map_err(write_error(&path))?;
            let path = folder.join("images.u8");
            let file = fs::File::create(&path).map_err(write_error(&path))?;
            Some((BufWriter::new(file), path))
        }
        false => {
            for class in Class::ALL {
                let path = folder.join(class.name());
                fs::create_dir_all(&path).map_err(write_error(&path))?;
            }
            None
        }
    };
    for first in (0..options.count).step_by(BATCH) {
        let numbers: Vec<usize> = (first..options.count.min(first + BATCH)).collect();
        let drawn: Vec<Vec<u8>> = numbers
            .par_iter()
            .map(|number| {
                let (class, seed) = picture(options, *number);
                draw(class, seed, options.size, &props)
            })
            .collect();
        match &mut raw {
            Some((file, path)) => {
                for bytes in &drawn {
                    file.write_all(bytes).map_err(write_error(path))?;
                }
            }
            None => numbers.par_iter().zip(&drawn).try_for_each(|(number, bytes)| {
                let class = picture(options, *number).0;
                let path = folder.join(class.name()).join(format!("{number:06}.png"));
                let side = options.size as u32;
                image::save_buffer(&path, bytes, side, side, image::ExtendedColorType::Rgb8)
                    .map_err(|source| DatasetError::Picture { path, source })
            })?,
        }
        progress(first + drawn.len());
    }
    if let Some((mut file, path)) = raw {
        file.flush().map_err(write_error(&path))?;
    }
    Ok(())
}
