//! How a picture becomes the network's input: what can be chosen, and which part of a picture that takes.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use super::changes::InputChanges;
use crate::model::Shape;

/// A library whose usual way from a picture file to a network's input is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Like {
    /// `keras.utils.load_img(path, target_size=…)`: the whole picture, squeezed, the nearest pixels.
    Keras,
    /// The `transforms()` of torchvision's first weights: the shorter side to 8/7 of the input's, rounded up (342 for 299, 256
    /// for 224), PIL's BILINEAR, then the middle.
    Torchvision,
    /// timm's evaluation, as of inception_v3.tv_in1k: the shorter side to 8/7 of the input's (crop_pct 0.875), rounded down
    /// (341 for 299), PIL's BICUBIC, then the middle.
    Timm,
}

impl Like {
    /// The value of `--like`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keras => "keras",
            Self::Torchvision => "torchvision",
            Self::Timm => "timm",
        }
    }
}

/// What becomes of a picture whose sides are not in the proportion of the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// The whole picture, squeezed (as the tutorial and Keras' `load_img` do).
    #[default]
    Stretch,
    /// The largest part in the middle with the input's proportions: of a square input, a square.
    Crop,
    /// The whole picture in its own proportions, its shorter side so many pixels long, and then the middle of that:
    /// torchvision's `Resize` and `CenterCrop`. Of an input that is no square, its shorter side is so long where the whole
    /// input is covered.
    Center(u32),
}

/// Longest side that a picture is resized to.
const MOST: u32 = 8192;

impl FromStr for Fit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stretch" => Ok(Self::Stretch),
            "crop" => Ok(Self::Crop),
            side => match side.parse() {
                Ok(side) if (1..=MOST).contains(&side) => Ok(Self::Center(side)),
                _ => Err(format!("write stretch, crop, or how long the shorter side becomes: 1 to {MOST}")),
            },
        }
    }
}

/// As typed.
impl Display for Fit {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stretch => f.write_str("stretch"),
            Self::Crop => f.write_str("crop"),
            Self::Center(side) => write!(f, "{side}"),
        }
    }
}

/// How a picture becomes as large as the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Resize {
    /// The four nearest pixels, half-pixel centres, fractions kept: OpenCV's INTER_LINEAR.
    #[default]
    Bilinear,
    /// A triangle filter as wide as the reduction, in whole levels: the BILINEAR of PIL (Pillow 13, which resizes tall pictures
    /// down the columns first), to the last pixel, and `keras.utils.load_img(interpolation="bilinear")`.
    Antialias,
    /// A cubic filter as wide as the reduction, in whole levels: PIL's BICUBIC.
    Bicubic,
    /// The one pixel under the centre: PIL's NEAREST, as `keras.utils.load_img` does unless told otherwise; OpenCV's
    /// INTER_NEAREST takes the pixel at floor(x · scale) instead.
    Nearest,
}

impl Resize {
    /// The value of `--resize`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bilinear => "bilinear",
            Self::Antialias => "antialias",
            Self::Bicubic => "bicubic",
            Self::Nearest => "nearest",
        }
    }
}

/// How a picture becomes the network's input, as it was chosen: what was not is as in the library, or as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preprocessing {
    /// The library that is followed.
    pub like: Option<Like>,
    /// How a picture of other proportions than the network's input is fitted.
    pub fit: Option<Fit>,
    /// How it is resized.
    pub resize: Option<Resize>,
    /// What is done to it then.
    pub changes: InputChanges,
}

impl Preprocessing {
    /// Both chosen.
    pub fn new(fit: Fit, resize: Resize) -> Self {
        Self { fit: Some(fit), resize: Some(resize), ..Self::default() }
    }

    /// The same without changes: what the network usually sees.
    pub fn usual(self) -> Self {
        Self { changes: InputChanges::default(), ..self }
    }

    /// How a picture is fitted to this input.
    pub fn fit(self, input: Shape) -> Fit {
        let side = input.width.min(input.height) as u32;
        match (self.fit, self.like) {
            // Never less than the input: what a network sees is never filled up.
            (Some(Fit::Center(wanted)), _) => Fit::Center(wanted.max(side)),
            (Some(fit), _) => fit,
            (None, None | Some(Like::Keras)) => Fit::Stretch,
            (None, Some(Like::Torchvision)) => Fit::Center((side * 8).div_ceil(7)),
            (None, Some(Like::Timm)) => Fit::Center(side * 8 / 7),
        }
    }

    /// How it is resized.
    pub fn resize(self) -> Resize {
        self.resize.unwrap_or(match self.like {
            None => Resize::default(),
            Some(Like::Keras) => Resize::Nearest,
            Some(Like::Torchvision) => Resize::Antialias,
            Some(Like::Timm) => Resize::Bicubic,
        })
    }

    /// The way to fit that a key changes to: the whole picture, or else a part.
    pub fn other_fit(self, input: Shape) -> Fit {
        match (self.fit(input), self.like) {
            (Fit::Stretch, Some(Like::Torchvision | Like::Timm)) => Self { fit: None, ..self }.fit(input),
            (Fit::Stretch, _) => Fit::Crop,
            _ => Fit::Stretch,
        }
    }

    /// That the network's input fits into the resized picture, and that changes do something.
    ///
    /// # Errors
    /// One sentence where it does not.
    pub fn check(self, input: Shape) -> Result<(), String> {
        match self.fit {
            Some(Fit::Center(side)) if (side as usize) < input.width.min(input.height) => Err(format!(
                "--fit {side} makes pictures smaller than the network's input, which is {}×{}: a larger number, or \
                 stretch or crop",
                input.width, input.height
            )),
            _ => self.changes.check(input),
        }
    }

    /// The way of a `width × height` picture to this input, across and down.
    pub fn axes(self, [width, height]: [u32; 2], input: Shape) -> [Axis; 2] {
        let (w, h) = (u64::from(width), u64::from(height));
        let (across, down) = (input.width as u64, input.height as u64);
        // One side is the picture's; the other follows, to the nearest pixel.
        let scaled = |side: u64, to: u64, from: u64| ((2 * side * to + from) / (2 * from)).max(1);
        let (used_w, used_h) = match self.fit(input) {
            Fit::Stretch => (w, h),
            Fit::Crop if w * down > h * across => (scaled(h, across, down).min(w), h),
            Fit::Crop => (w, scaled(w, down, across).min(h)),
            Fit::Center(side) => {
                let cover = |own: u64| own * u64::from(side) / across.min(down).max(1);
                let (cover_w, cover_h) = (cover(across), cover(down));
                let cells = match w * cover_h <= h * cover_w {
                    true => [cover_w, (cover_w * h / w.max(1)).max(down)],
                    false => [(cover_h * w / h.max(1)).max(across), cover_h],
                };
                return [Axis::center(w, cells[0], across), Axis::center(h, cells[1], down)];
            }
        };
        [Axis::part(w, used_w, across), Axis::part(h, used_h, down)]
    }

    /// The part of a `width × height` picture that a network with this input sees.
    pub fn seen(self, size: [u32; 2], input: Shape) -> Rect {
        let [(x, width), (y, height)] = self.axes(size, input).map(Axis::seen);
        Rect { x, y, width, height }
    }
}

/// One axis of the way from a picture to the input: `length` of its pixels from `start` on become `cells`, of which the input is
/// the `count` from `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// First pixel of the picture that is used.
    pub start: u32,
    /// So many are used.
    pub length: u32,
    /// What they are resized to.
    pub cells: u32,
    /// First of these that is the input's.
    pub first: u32,
    /// The input's side.
    pub count: u32,
}

impl Axis {
    /// The middle `used` of `side` pixels become the input.
    fn part(side: u64, used: u64, count: u64) -> Self {
        let (start, length, count) = (((side - used) / 2) as u32, used as u32, count as u32);
        Self { start, length, cells: count, first: 0, count }
    }

    /// All `side` pixels become `cells`, whose middle is the input. A half is rounded to the even side, as Python does.
    fn center(side: u64, cells: u64, count: u64) -> Self {
        let rest = cells.saturating_sub(count);
        let first = rest / 2 + (rest & 1 & (rest / 2));
        Self { start: 0, length: side as u32, cells: cells as u32, first: first as u32, count: count as u32 }
    }

    /// Where a place of the input lies in the picture, both in pixels from the edge.
    pub fn place(self, input: f64) -> f64 {
        let scale = f64::from(self.length) / f64::from(self.cells.max(1));
        f64::from(self.start) + (f64::from(self.first) + input) * scale
    }

    /// Where the part that the network sees begins, and how long it is, in pixels of the picture.
    fn seen(self) -> (f32, f32) {
        let (start, end) = (self.place(0.0), self.place(f64::from(self.count)));
        (start as f32, (end - start) as f32)
    }
}

/// A rectangle in pixels: left, top, width, height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape([width, height]: [usize; 2]) -> Shape {
        Shape { channels: 3, height, width }
    }

    #[test]
    fn crop_is_the_middle_part_with_the_inputs_proportions() {
        let crop = |width, height, input| {
            let how = Preprocessing { fit: Some(Fit::Crop), ..Preprocessing::default() };
            let Rect { x, y, width, height } = how.seen([width, height], shape(input));
            [x, y, width, height]
        };
        assert_eq!(crop(640, 480, [299, 299]), [80.0, 0.0, 480.0, 480.0]);
        assert_eq!(crop(3, 8, [24, 24]), [0.0, 2.0, 3.0, 3.0]);
        // Wider than the input, higher, and of its very proportions.
        assert_eq!(crop(640, 480, [100, 200]), [200.0, 0.0, 240.0, 480.0]);
        assert_eq!(crop(640, 480, [200, 100]), [0.0, 80.0, 640.0, 320.0]);
        assert_eq!(crop(640, 480, [320, 240]), [0.0, 0.0, 640.0, 480.0]);
        // To the nearest pixel, but at least one.
        assert_eq!(crop(10, 10, [3, 4]), [1.0, 0.0, 8.0, 10.0]);
        assert_eq!(crop(5, 400, [900, 1]), [0.0, 199.0, 5.0, 1.0]);
        assert_eq!(Preprocessing::default().seen([640, 480], shape([20, 50])).width, 640.0);
    }

    /// `Resize` and `CenterCrop` of torchvision 0.29.2: sizes, and where the middle begins (halves to the even side).
    #[test]
    fn libraries_resize_the_shorter_side_and_take_the_middle() {
        let placed = |like, size, input| {
            let how = Preprocessing { like: Some(like), ..Preprocessing::default() };
            how.axes(size, shape(input)).map(|axis| [axis.cells, axis.first, axis.count])
        };
        let inception = [299, 299];
        assert_eq!(placed(Like::Torchvision, [512, 512], inception), [[342, 22, 299], [342, 22, 299]]);
        assert_eq!(placed(Like::Timm, [512, 512], inception), [[341, 21, 299], [341, 21, 299]]);
        assert_eq!(placed(Like::Torchvision, [1000, 667], inception), [[512, 106, 299], [342, 22, 299]]);
        assert_eq!(placed(Like::Timm, [451, 300], inception), [[512, 106, 299], [341, 21, 299]]);
        assert_eq!(placed(Like::Timm, [300, 451], [224, 224]), [[256, 16, 224], [384, 80, 224]]);
        assert_eq!(placed(Like::Keras, [640, 480], inception), [[299, 0, 299], [299, 0, 299]]);
        // No square: the whole input is covered.
        assert_eq!(placed(Like::Timm, [640, 480], [448, 224]), [[512, 32, 448], [384, 80, 224]]);
    }

    #[test]
    fn what_was_chosen_wins_over_the_library() {
        let input = shape([299, 299]);
        let like = Preprocessing { like: Some(Like::Timm), ..Preprocessing::default() };
        assert_eq!((like.fit(input), like.resize()), (Fit::Center(341), Resize::Bicubic));
        let chosen = Preprocessing { fit: "320".parse().ok(), resize: Some(Resize::Nearest), ..like };
        assert_eq!((chosen.fit(input), chosen.resize()), (Fit::Center(320), Resize::Nearest));
        // A key changes between the whole picture and a part, which is the library's where it has one.
        assert_eq!(like.other_fit(input), Fit::Stretch);
        assert_eq!(Preprocessing { fit: Some(Fit::Stretch), ..like }.other_fit(input), Fit::Center(341));
        assert_eq!(Preprocessing::default().other_fit(input), Fit::Crop);
        let small = Preprocessing { fit: "298".parse().ok(), ..like };
        assert_eq!(small.fit(input), Fit::Center(299));
        assert!(small.check(input).is_err() && chosen.check(input).is_ok() && like.check(input).is_ok());
        for text in ["stretch", "crop", "342"] {
            assert_eq!(text.parse::<Fit>().unwrap().to_string(), text);
        }
        assert!(["0", "-3", "8193", "centre", ""].iter().all(|text| text.parse::<Fit>().is_err()));
    }
}
