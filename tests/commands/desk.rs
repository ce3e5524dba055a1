//! A folder of its own in which the binary runs, pictures made for it, and readers of what it writes.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::Value;
use tempfile::TempDir;

/// The network of these tests: takes hundredths of a second and no graphics adapter.
pub const THIN: [&str; 4] = ["--width-multiplier", "0.05", "--device", "cpu"];

/// A folder with the binary at hand.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a picture `photo.png` in it.
    pub fn with_photo() -> Self {
        let desk = Self::new();
        desk.save("photo.png", photo());
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn save(&self, name: &str, picture: impl Into<DynamicImage>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.into().save(path).unwrap();
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn picture(&self, name: &str) -> RgbImage {
        image::load_from_memory_with_format(&self.bytes(name), ImageFormat::Png).unwrap().to_rgb8()
    }

    /// Names in a folder, sorted; `""`: in this one.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        // What was fetched on this machine must not matter.
        command.env("CONVSCOPE_CACHE", self.0.path().join("cache"));
        command.env("CONVSCOPE_CONFIG", self.0.path().join("settings"));
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that must succeed.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with the thin network.
    pub fn thin(&self, arguments: &[&str]) -> String {
        self.prints(&[arguments, &THIN].concat())
    }

    /// A command that must end with exit code 1 and one sentence with this in it.
    pub fn fails(&self, arguments: &[&str], message: &str) {
        let output = self.run(arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        let lines: Vec<_> = errors.lines().filter(|line| !line.starts_with("note: ")).collect();
        let [line] = lines[..] else { panic!("{arguments:?}: {errors}") };
        assert!(line.starts_with("convscope: ") && line.contains(message), "{arguments:?}: {errors}");
    }

    /// The maps of a layer of the thin network.
    pub fn maps(&self, picture: &str, layer: &str) -> Npy {
        let name = format!("maps of {picture} at {layer}.npy").replace('/', "-");
        self.thin(&["maps", picture, "--layer", layer, "--npy", &name]);
        self.npy(&name)
    }

    pub fn npy(&self, name: &str) -> Npy {
        let bytes = self.bytes(name);
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{name}");
        let (header, values) = bytes[10..].split_at(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])));
        let header = std::str::from_utf8(header).unwrap();
        assert!(header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"), "{header}");
        let shape = header.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
        let sides = shape.split(',').map(str::trim).filter(|side| !side.is_empty());
        let shape: Vec<usize> = sides.map(|side| side.parse().unwrap()).collect();
        let npy = Npy { shape, values: floats(values) };
        assert_eq!(npy.values.len(), npy.shape.iter().product::<usize>(), "{name}");
        npy
    }

    /// Names, shapes and values of a safetensors file, sorted by name.
    pub fn tensors(&self, name: &str) -> Vec<(String, Npy)> {
        let bytes = self.bytes(name);
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.tensors().into_iter().map(|(name, tensor)| {
            assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
            (name, Npy { shape: tensor.shape().to_vec(), values: floats(tensor.data()) })
        });
        let mut tensors: Vec<_> = tensors.collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        tensors
    }
}

/// Numbers with a shape, the last side running fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Npy {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Npy {
    /// Part `index` along the first side.
    pub fn part(&self, index: usize) -> &[f32] {
        let len = self.shape[1..].iter().product();
        &self.values[index * len..][..len]
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A picture that no flip and no exchange of axes or colours leaves as it is.
pub fn photo() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| match (x, y) {
        (10..50, 20..60) => Rgb([240, 220, 30]),
        (70..110, 5..30) => Rgb([10, 20, 90]),
        _ => Rgb([(x * 2) as u8, (y * 3) as u8, 128]),
    })
}

/// The same in other places and colours.
pub fn other_photo() -> RgbImage {
    RgbImage::from_fn(90, 90, |x, y| match (x, y) {
        (5..70, 50..80) => Rgb([20, 200, 60]),
        _ => Rgb([255 - (x * 2) as u8, 40, (y * 2) as u8]),
    })
}

pub fn plain(color: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(40, 30, Rgb(color))
}

/// Grey, 8 bits.
pub fn grey(level: u8) -> GrayImage {
    GrayImage::from_pixel(8, 8, Luma([level]))
}

/// 16 bits a channel; each level is 257 times one of 8 bits.
pub fn deep(color: [u8; 3]) -> DynamicImage {
    ImageBuffer::from_pixel(8, 8, Rgb(color.map(|level| u16::from(level) * 257))).into()
}

/// Red with this opacity.
pub fn veil(alpha: u8) -> RgbaImage {
    RgbaImage::from_pixel(8, 8, Rgba([255, 0, 0, alpha]))
}

/// A picture 32 wide and 16 high, left half black, right half white, as JPEG with an EXIF orientation.
pub fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    // Blocks of 8 pixels, so that compression leaves the two halves as they are.
    let image = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 0 } else { 255 }; 3]));
    image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let mut tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
    // One entry: tag 0x112, type SHORT, count 1, value; no further directory.
    tiff.extend([0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    let mut file = jpeg[..2].to_vec();
    file.extend([0xff, 0xe1, 0, tiff.len() as u8 + 2]);
    file.extend(tiff);
    file.extend(&jpeg[2..]);
    file
}

/// True where `part` lies in `whole` somewhere, no level further off than 1.
pub fn is_in(part: &RgbImage, whole: &RgbImage) -> bool {
    let fits = |left: u32, top: u32| {
        part.enumerate_pixels().all(|(x, y, pixel)| {
            let there = whole.get_pixel(left + x, top + y);
            pixel.0.iter().zip(there.0).all(|(a, b)| a.abs_diff(b) <= 1)
        })
    };
    let room = |whole: u32, part: u32| 0..(whole + 1).saturating_sub(part);
    let mut rows = room(whole.height(), part.height());
    rows.any(|top| room(whole.width(), part.width()).any(|left| fits(left, top)))
}
