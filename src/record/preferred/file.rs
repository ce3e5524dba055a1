//! The picture with its numbers, as one PNG file.

use std::io::Cursor;

use image::RgbImage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::inspect::OriginInfo;
use crate::prefer::{Growth, Method};
use crate::record::Provenance;

/// What a picture depends on, and what its units say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreferredInfo {
    /// The network: [`Provenance`].
    #[serde(flatten)]
    pub provenance: Map<String, Value>,
    /// The units: [`OriginInfo`].
    pub origin: Value,
    /// What of the picture was free.
    pub method: Method,
    /// Of everything that was random.
    pub seed: u64,
    /// Width and height of the picture.
    pub size: [usize; 2],
    /// Steps that were asked for.
    pub steps: usize,
    /// Steps that were done.
    pub done: usize,
    /// The units' weighted sum in the noise that it grew from.
    pub first_value: f32,
    /// In the picture.
    pub value: f32,
    /// What was climbed on, in the noise: the units before their ReLU, and a channel's middle cell or mean.
    pub first_climbed: f32,
    /// In the picture.
    pub climbed: f32,
}

/// A picture that units prefer.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferred {
    /// The picture.
    pub picture: RgbImage,
    /// What is known of it.
    pub info: PreferredInfo,
}

/// The name under which the PNG file has its numbers.
const KEYWORD: &str = "convscope";

impl PreferredInfo {
    /// Of a picture as it is now. `first` and `last` are the values of the units, and of what was climbed on.
    ///
    /// # Errors
    /// Where something has no JSON.
    pub fn new(
        provenance: &Provenance,
        origin: &OriginInfo,
        growth: &Growth,
        first: [f32; 2],
        last: [f32; 2],
    ) -> Result<Self, serde_json::Error> {
        let settings = growth.settings();
        let provenance = match serde_json::to_value(provenance)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Ok(Self {
            provenance,
            origin: serde_json::to_value(origin)?,
            method: settings.method,
            seed: settings.seed,
            size: [settings.size[1], settings.size[0]],
            steps: settings.steps,
            done: growth.done(),
            first_value: first[0],
            value: last[0],
            first_climbed: first[1],
            climbed: last[1],
        })
    }
}

impl Preferred {
    /// A picture as it is now.
    ///
    /// # Errors
    /// In words, where it has no pixels.
    pub fn new(growth: &Growth, info: PreferredInfo) -> Result<Self, String> {
        let [height, width] = growth.settings().size.map(|side| side as u32);
        let picture = RgbImage::from_raw(width, height, growth.levels());
        Ok(Self { picture: picture.ok_or("the picture has no pixels")?, info })
    }

    /// A PNG file, with the numbers as JSON in an iTXt chunk named `convscope`.
    ///
    /// # Errors
    /// In words.
    pub fn to_png(&self) -> Result<Vec<u8>, String> {
        let text = serde_json::to_string(&self.info).map_err(|error| error.to_string())?;
        let mut bytes = vec![];
        let mut encoder = png::Encoder::new(&mut bytes, self.picture.width(), self.picture.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.add_itxt_chunk(KEYWORD.into(), text).and_then(|()| {
            let mut writer = encoder.write_header()?;
            writer.write_image_data(self.picture.as_raw())?;
            writer.finish()
        });
        written.map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Such a file; `None` where it is another.
    pub fn from_png(bytes: &[u8]) -> Option<Self> {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
        let mut pixels = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut pixels).ok()?;
        if (frame.color_type, frame.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
            return None;
        }
        let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD)?;
        let info = serde_json::from_str(&chunk.get_text().ok()?).ok()?;
        Some(Self { picture: RgbImage::from_raw(frame.width, frame.height, pixels)?, info })
    }
}
