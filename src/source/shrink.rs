//! Pictures with more pixels than the graphics card can hold in one buffer, made smaller by a whole factor. Pure;
//! called on the capture thread.
//!
//! # What this does to the network's input
//! A value of the network's input is a weighted mean of the picture, and shrinking replaces each pixel by the mean of
//! its block. With `--resize antialias` the weights are a triangle that is 2r blocks wide, so that they change by 1/r of
//! their height from block to block, and what is lost is how the picture varies within a block times that change: for an
//! edge from black to white through the whole window at most 255/(8r²) levels. Here r is a side of the smaller picture
//! over that of the input. With InceptionV3's 299 pixels an edge costs 0.3 levels where that side has 3,334 pixels, and
//! less than one level from 1,690 pixels on, which only pictures more than three times as long as high do not have (with
//! an input of 600 pixels: 1.03 levels, and 3,387 pixels). Edges in different phases mostly cancel: of
//! 20,000×10,000 pixels with noise and edges of all sizes no value moved by half a level (of 255). A pattern as
//! fine as the blocks, in step with them, can do worse.
//!
//! `--resize bilinear` looks at four pixels wherever they are. Here these are means of blocks: its values do change,
//! towards those of antialias, and are no longer OpenCV's of the whole picture.

/// A picture of more pixels than this is shrunk: 3 bytes each then stay below the 128 MiB that every graphics
/// adapter takes in one buffer. (A frame of 8K video has 33 million.)
pub const MAX_PIXELS: u64 = 40_000_000;

/// So many sizes are looked at for one that keeps the proportions well.
const CANDIDATES: u32 = 64;

/// How a picture is shrunk. Sizes are widths and heights in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// The whole number that the sides are divided by, but for a little.
    pub factor: u32,
    /// As it is in the file.
    pub from: (u32, u32),
    /// As it becomes.
    pub to: (u32, u32),
}

impl Reduction {
    /// What a picture of this size needs; `None` where it is small enough.
    ///
    /// The sides become an n-th or a little more, so that the middle square of the smaller picture is the middle
    /// square of the picture: `--fit crop` takes whole pixels. (Of an input that is not square its part may be off by a
    /// pixel of the smaller picture.)
    pub fn of(from: (u32, u32)) -> Option<Self> {
        let by = |factor: u32| (from.0.div_ceil(factor), from.1.div_ceil(factor));
        let pixels = |size: (u32, u32)| u64::from(size.0) * u64::from(size.1);
        let factor = (1..).find(|&factor| pixels(by(factor)) <= MAX_PIXELS).filter(|&factor| factor > 1)?;
        let (long, short) = (from.0.max(from.1), from.0.min(from.1));
        let least = short.div_ceil(factor);
        let candidates = (least..=short.min(least + CANDIDATES)).map(|side| {
            // The margins on both sides of the square, each a whole number of pixels.
            let margins = f64::from(side) * f64::from(long - short) / f64::from(short);
            let whole = (margins / 2.0).round() * 2.0;
            (side, side + whole as u32, (margins - whole).abs())
        });
        let best = candidates
            .filter(|&(short, long, _)| pixels((short, long)) <= MAX_PIXELS)
            .min_by(|(_, _, a), (_, _, b)| a.total_cmp(b));
        let to = match best {
            Some((short, long, _)) if from.0 >= from.1 => (long, short),
            Some((short, long, _)) => (short, long),
            None => by(factor),
        };
        Some(Self { factor, from, to })
    }

    /// What is to be said of the picture.
    pub fn note(self) -> String {
        let ((width, height), (to_width, to_height)) = (self.from, self.to);
        let most = MAX_PIXELS / 1_000_000;
        format!(
            "of {width}×{height} pixels, taken at 1/{}: {to_width}×{to_height} (more than {most} million are too many)",
            self.factor
        )
    }

    /// The same of the picture turned by a quarter.
    pub fn turned(self) -> Self {
        let turn = |(width, height): (u32, u32)| (height, width);
        Self { factor: self.factor, from: turn(self.from), to: turn(self.to) }
    }
}

/// Takes a picture row by row and keeps the smaller one alone. Each pixel becomes the mean, rounded, of what it
/// covers: where the sides are multiples, `factor × factor` pixels. Otherwise pixels on the borders of blocks count
/// for both in part, so that nothing is displaced.
#[derive(Debug)]
pub struct Shrinker {
    from: Size,
    to: Size,
    /// Of one row, for each value of the smaller one: the sum of what it covers, each pixel `to.width` wide.
    row_sums: Vec<u32>,
    /// Of the rows since the last one that was finished, each `to.height` high.
    sums: Vec<u64>,
    /// How much of the height of the next row of the smaller picture is still missing, of `from.height`.
    missing: u32,
    rgb: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    width: u32,
    height: u32,
}

impl Shrinker {
    /// For a picture with sides from 1 to 65,536 pixels (so that sums of a row fit 32 bits).
    pub fn new(reduction: Reduction) -> Self {
        let (width, height) = reduction.from;
        debug_assert!(width.max(height) <= 1 << 16 && width.min(height) > 0);
        let to = Size { width: reduction.to.0, height: reduction.to.1 };
        debug_assert!(to.width <= width && to.height <= height);
        let values = to.width as usize * 3;
        Self {
            from: Size { width, height },
            to,
            row_sums: vec![0; values],
            sums: vec![0; values],
            missing: height,
            rgb: Vec::with_capacity(values * to.height as usize),
        }
    }

    /// Takes the next row: `width * 3` bytes of red, green, blue. Rows beyond the height are ignored.
    pub fn add_row(&mut self, row: &[u8]) {
        if self.rgb.len() >= self.sums.len() * self.to.height as usize {
            return;
        }
        self.sum_row(row);
        // This row covers `to.height` of the height, the next row of the smaller picture `from.height` of it.
        let first_part = self.to.height.min(self.missing);
        self.add_sums(first_part);
        self.missing -= first_part;
        if self.missing == 0 {
            self.finish_row();
            self.missing = self.from.height;
            let second_part = self.to.height - first_part;
            self.add_sums(second_part);
            self.missing -= second_part;
        }
    }

    fn sum_row(&mut self, row: &[u8]) {
        let (from, to) = (self.from.width, self.to.width);
        self.row_sums.fill(0);
        let mut cells = self.row_sums.chunks_exact_mut(3);
        let Some(mut cell) = cells.next() else { return };
        let mut missing = from;
        for pixel in row.chunks_exact(3).take(from as usize) {
            let first_part = to.min(missing);
            add(cell, pixel, first_part);
            missing -= first_part;
            if missing == 0 {
                let Some(next) = cells.next() else { return };
                cell = next;
                add(cell, pixel, to - first_part);
                missing = from - (to - first_part);
            }
        }
    }

    fn add_sums(&mut self, part: u32) {
        for (sum, value) in self.sums.iter_mut().zip(&self.row_sums) {
            *sum += u64::from(*value) * u64::from(part);
        }
    }

    fn finish_row(&mut self) {
        let area = u64::from(self.from.width) * u64::from(self.from.height);
        self.rgb.extend(self.sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
        self.sums.fill(0);
    }

    /// The smaller picture, once all rows are in: width, height, and `width * height * 3` bytes.
    pub fn finish(self) -> (u32, u32, Vec<u8>) {
        (self.to.width, self.to.height, self.rgb)
    }
}

/// All bytes of a picture made smaller: its size, and red, green, blue again.
pub fn shrunk(rgb: &[u8], reduction: Reduction) -> ((u32, u32), Vec<u8>) {
    let mut smaller = Shrinker::new(reduction);
    rgb.chunks_exact(reduction.from.0 as usize * 3).for_each(|row| smaller.add_row(row));
    let (width, height, rgb) = smaller.finish();
    ((width, height), rgb)
}

fn add(cell: &mut [u32], pixel: &[u8], part: u32) {
    for (sum, value) in cell.iter_mut().zip(pixel) {
        *sum += u32::from(*value) * part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrink((width, height): (u32, u32), factor: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<[u8; 3]> {
        let to = (width.div_ceil(factor), height.div_ceil(factor));
        let mut shrinker = Shrinker::new(Reduction { factor, from: (width, height), to });
        for y in 0..height {
            let row: Vec<u8> = (0..width).flat_map(|x| pixel(x, y)).collect();
            shrinker.add_row(&row);
        }
        // One too many does no harm.
        shrinker.add_row(&vec![255; width as usize * 3]);
        let (w, h, rgb) = shrinker.finish();
        assert_eq!((w, h), (width.div_ceil(factor), height.div_ceil(factor)));
        assert_eq!(rgb.len(), (w * h * 3) as usize);
        rgb.chunks(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }

    /// Any value in any place.
    fn noise(x: u32, y: u32) -> [u8; 3] {
        [1, 2, 3].map(|c| ((x * 7919 + y * 104_729 + c * 15_485_863).wrapping_mul(2_654_435_761) >> 24) as u8)
    }

    #[test]
    fn what_is_shrunk_fits_a_buffer_and_what_fits_is_not_shrunk() {
        let reduced = |size| Reduction::of(size).map(|reduction| (reduction.factor, reduction.to));
        for size in [(7680, 4320), (8000, 5000), (20_000, 2000), (1, 1), (0, 7)] {
            assert_eq!(reduced(size), None);
        }
        assert_eq!(reduced((9000, 6000)), Some((2, (4500, 3000))));
        assert_eq!(reduced((6000, 9000)), Some((2, (3000, 4500))));
        // 3334 is a third; 6667 would leave half a pixel on either side of the square.
        assert_eq!(reduced((20_000, 10_000)), Some((3, (6668, 3334))));
        assert_eq!(reduced((20_000, 20_000)), Some((4, (5000, 5000))));
        const { assert!(MAX_PIXELS * 3 < 128 << 20) };
    }

    #[test]
    fn the_middle_square_stays_the_middle_square() {
        for from in [(8002, 5000), (11_648, 8736), (12_346, 7_890), (19_998, 2_002), (20_000, 16_000)] {
            let Reduction { factor, to, .. } = Reduction::of(from).unwrap();
            assert!(u64::from(to.0) * u64::from(to.1) <= MAX_PIXELS);
            let (pitch_x, pitch_y) =
                (f64::from(from.0) / f64::from(to.0), f64::from(from.1) / f64::from(to.1));
            for pitch in [pitch_x, pitch_y] {
                assert!(pitch <= f64::from(factor) && pitch > f64::from(factor) * 0.9, "{from:?}: {pitch}");
            }
            let left = f64::from((to.0 - to.1) / 2) * pitch_x;
            let expected = f64::from(from.0 - from.1) / 2.0;
            assert!((left - expected).abs() < 0.1, "{from:?} to {to:?}: {left}, not {expected}");
            assert_eq!((to.0 - to.1) % 2, 0);
            let turned = Reduction::of((from.1, from.0)).unwrap();
            assert_eq!(turned.turned().to, to);
        }
    }

    #[test]
    fn blocks_become_their_rounded_mean() {
        let size = (6, 4);
        let expected = |x: u32, y: u32| {
            let block = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| noise(2 * x + i, 2 * y + j));
            [0, 1, 2].map(|c| ((block.iter().map(|pixel| u32::from(pixel[c])).sum::<u32>() + 2) / 4) as u8)
        };
        let expected: Vec<_> = (0..2).flat_map(|y| (0..3).map(move |x| expected(x, y))).collect();
        assert_eq!(shrink(size, 2, noise), expected);
        // By three: 0 and 255 in one of nine.
        assert_eq!(
            shrink((3, 3), 3, |x, y| if (x, y) == (2, 1) { [255, 0, 9] } else { [0; 3] }),
            [[28, 0, 1]]
        );
    }

    #[test]
    fn a_factor_of_one_and_flat_pictures_change_nothing() {
        let expected: Vec<_> = (0..5).flat_map(|y| (0..7).map(move |x| noise(x, y))).collect();
        assert_eq!(shrink((7, 5), 1, noise), expected);
        for size in [(7, 5), (64, 1), (1, 64), (65, 33), (2, 3)] {
            for factor in [2, 3, 4, 100] {
                let flat = shrink(size, factor, |_, _| [255, 1, 128]);
                assert!(flat.iter().all(|pixel| *pixel == [255, 1, 128]), "{size:?} {factor}");
            }
        }
    }

    #[test]
    fn pixels_on_a_border_count_for_both_sides() {
        // Five pixels into two: the middle one is shared. The same downwards.
        let values = [10, 20, 200, 60, 100];
        let mean = |a: f64, b: f64| ((a + b + 100.0) / 2.5).round() as u8;
        let expected = [mean(10.0, 20.0), mean(60.0, 100.0)].map(|value| [value; 3]);
        assert_eq!(shrink((5, 1), 3, |x, _| [values[x as usize]; 3]), expected);
        assert_eq!(shrink((1, 5), 3, |_, y| [values[y as usize]; 3]), expected);
    }

    #[test]
    fn nothing_is_displaced() {
        // A ramp stays where it was, although no side is a multiple of the factor.
        let (width, factor) = (1000, 3);
        let seen = shrink((width, 2), factor, |x, _| [(x / 4) as u8; 3]);
        let pitch = f64::from(width) / seen.len() as f64;
        for (pixel, i) in seen.iter().zip(0..) {
            let center = (f64::from(i) + 0.5) * pitch;
            let expected = (center - 2.0) / 4.0;
            assert!((f64::from(pixel[0]) - expected).abs() <= 1.0, "{i}: {} {expected}", pixel[0]);
        }
    }

    /// What preprocess.wgsl computes with `--resize antialias`, of one row and one colour.
    fn antialias(row: &[u8], outputs: usize) -> Vec<f64> {
        let scale = row.len() as f64 / outputs as f64;
        let value = |output: usize| {
            let center = (output as f64 + 0.5) * scale;
            let (mut sum, mut total) = (0.0, 0.0);
            for (value, x) in row.iter().zip(0..) {
                let weight = 1.0 - (f64::from(x) + 0.5 - center).abs() / scale;
                if weight > 0.0 {
                    (sum, total) = (sum + weight * f64::from(*value), total + weight);
                }
            }
            sum / total
        };
        (0..outputs).map(value).collect()
    }

    #[test]
    fn the_network_sees_nearly_the_same() {
        // As 20,000 pixels at 1/3 are seen at 299: edges in all phases, noise, and a ramp.
        let (width, factor, outputs) = (2000, 3, 30);
        let mut row = |x: u32| match x {
            0..700 => [0, 255][(x / 37 % 2) as usize],
            700..1400 => noise(x, 0)[0],
            _ => (x / 8) as u8,
        };
        let whole: Vec<u8> = (0..width).map(&mut row).collect();
        let smaller = shrink((width, 1), factor, |x, _| [whole[x as usize]; 3]);
        let smaller: Vec<u8> = smaller.iter().map(|pixel| pixel[0]).collect();
        let pairs: Vec<_> =
            antialias(&whole, outputs).into_iter().zip(antialias(&smaller, outputs)).collect();
        let largest = pairs.iter().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest < 1.0, "{largest} of 255");
        // The same comparison sees it where the middle of a picture is displaced by one pixel.
        let displaced = antialias(&[&smaller[..1], &smaller[..smaller.len() - 1]].concat(), outputs);
        let largest = pairs.iter().zip(displaced).map(|((a, _), b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest > 2.0, "{largest} of 255");
    }
}
