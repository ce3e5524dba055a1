//! The test card: an animated picture drawn by code, for when there is no camera and for tests.
//!
//! [`draw`] is pure and may be called anywhere; [`TestCard`] is used on the capture thread.

mod canvas;
mod panels;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use self::canvas::{Canvas, GLYPH_ADVANCE, Rect, Rgb, fraction, grey, mix};
use super::{FrameSource, SourceError};
use crate::frame::{Frame, PixelFormat};

/// Width of the card in pixels.
pub const WIDTH: u32 = 640;
/// Height of the card in pixels.
pub const HEIGHT: u32 = 480;
/// Frames a second of the live card.
pub const FPS: u32 = 30;

/// The test card as a source of frames.
#[derive(Debug)]
pub struct TestCard {
    live: bool,
    started: Option<Instant>,
    next_id: u64,
    next_number: u64,
    name: Arc<str>,
}

impl TestCard {
    /// `live`: 30 frames a second of real time, so that a reader who is late misses some. Otherwise each
    /// call gives the next frame at once, the same ones in every run.
    pub fn new(live: bool) -> Self {
        Self { live, started: None, next_id: 0, next_number: 0, name: "test card".into() }
    }

    /// The number of the frame to draw now; a live card waits until its time has come.
    fn next_tick(&mut self) -> u64 {
        let mut number = self.next_number;
        if self.live {
            let elapsed = self.started.get_or_insert_with(Instant::now).elapsed();
            let (due, wait) = tick(elapsed, number);
            number = due;
            thread::sleep(wait);
        }
        self.next_number = number + 1;
        number
    }
}

impl FrameSource for TestCard {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let number = self.next_tick();
        let captured = Instant::now();
        let id = self.next_id;
        self.next_id += 1;
        Ok(Some(Frame {
            id,
            captured,
            width: WIDTH,
            height: HEIGHT,
            format: PixelFormat::Rgb8,
            bytes: draw(number).into(),
            name: self.name.clone(),
        }))
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn describe(&self) -> Arc<str> {
        format!("test card · {WIDTH}×{HEIGHT} · {FPS} fps").into()
    }
}

/// Which frame comes next when `elapsed` has passed since frame 0 and `earliest` is the first one not given
/// yet: its number, and how long to wait for it.
fn tick(elapsed: Duration, earliest: u64) -> (u64, Duration) {
    let fps = f64::from(FPS);
    let current = (elapsed.as_secs_f64() * fps) as u64;
    if current >= earliest {
        return (current, Duration::ZERO);
    }
    let due = Duration::from_secs_f64(earliest as f64 / fps);
    (earliest, due.saturating_sub(elapsed))
}

/// Draws one frame of the card: [`WIDTH`] × [`HEIGHT`] pixels of red, green and blue bytes, rows from top to
/// bottom. The same number gives the same bytes on every machine.
///
/// All that matters lies in the middle square, so that a network that crops sees whole panels.
pub fn draw(frame_number: u64) -> Vec<u8> {
    const BODY_Y: usize = 52;
    const BODY_HEIGHT: usize = 416;
    const GRID_X: usize = 88;
    const CELL: (usize, usize) = (110, 98);
    const GAP: usize = 8;

    let mut canvas = Canvas::new();
    title(&mut canvas, frame_number);

    let side = |x| Rect { x, y: BODY_Y, width: 60, height: BODY_HEIGHT };
    canvas.panel(side(12), panels::grey_steps);
    canvas.panel(side(568), panels::color_bars);

    // Four by four cells, the inner four joined.
    let cell = |column: usize, row: usize| Rect {
        x: GRID_X + column * (CELL.0 + GAP),
        y: BODY_Y + row * (CELL.1 + GAP),
        width: CELL.0,
        height: CELL.1,
    };
    canvas.panel(cell(0, 0), panels::frequencies(frame_number));
    canvas.panel(cell(1, 0), panels::orientations(frame_number));
    canvas.panel(cell(2, 0), panels::checks);
    canvas.panel(cell(3, 0), panels::dots(frame_number));
    canvas.panel(cell(0, 1), panels::bricks);
    canvas.panel(cell(3, 1), panels::wood);
    canvas.panel(cell(0, 2), panels::clouds(frame_number));
    canvas.panel(cell(3, 2), panels::color_wheel(frame_number));
    canvas.panel(cell(0, 3), panels::shapes(frame_number));
    canvas.panel(cell(1, 3), panels::spokes(frame_number));
    canvas.panel(cell(2, 3), panels::patches);
    canvas.panel(cell(3, 3), panels::dial(frame_number));
    let middle = Rect { width: 2 * CELL.0 + GAP, height: 2 * CELL.1 + GAP, ..cell(1, 1) };
    canvas.panel(middle, panels::zone_plate(frame_number));

    canvas.into_bytes()
}

/// The strip above the panels: name, frame number, and a light that runs along the line below.
fn title(canvas: &mut Canvas, frame_number: u64) {
    const SCALE: usize = 2;
    const LEFT: usize = 88;
    const RIGHT: usize = 552;
    const TEXT_Y: usize = 16;
    const INK: Rgb = grey(0.93);
    const ACCENT: Rgb = [1.0, 0.62, 0.16];

    canvas.text((LEFT, TEXT_Y), SCALE, INK, "convscope test card");
    let number = format!("{:06}", frame_number % 1_000_000_000);
    let number_x = RIGHT + SCALE - number.len() * GLYPH_ADVANCE * SCALE;
    canvas.text((number_x, TEXT_Y), SCALE, ACCENT, &number);
    let label = "frame";
    canvas.text((number_x - (label.len() + 1) * GLYPH_ADVANCE * SCALE, TEXT_Y), SCALE, grey(0.55), label);

    let light = panels::phase(frame_number, 120);
    let line = Rect { x: 12, y: 41, width: WIDTH as usize - 24, height: 2 };
    canvas.fill(line, |column, _| {
        // The light trails off behind itself: bright where it is, dark just before it.
        let behind = fraction(light - column as f32 / line.width as f32);
        let glow = f32::max(1.0 - behind * 5.0, 0.0);
        mix(grey(0.26), ACCENT, glow * glow)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(bytes: &[u8]) -> impl Iterator<Item = [u8; 3]> + '_ {
        bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]])
    }

    fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
        let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.len() as f64
    }

    #[test]
    fn the_card_has_its_size_and_is_the_same_each_time() {
        let card = draw(7);
        assert_eq!(card.len(), PixelFormat::Rgb8.byte_len(WIDTH, HEIGHT));
        assert_eq!(card, draw(7));
        assert_eq!(draw(u64::MAX).len(), card.len());
    }

    #[test]
    fn it_moves_and_moves_smoothly() {
        let card = draw(0);
        assert!(mean_difference(&card, &draw(10)) > 2.0);
        for number in [0, 59, 299, 6399] {
            let change = mean_difference(&draw(number), &draw(number + 1));
            assert!(change > 0.1 && change < 4.0, "{change} from frame {number} to the next");
        }
    }

    #[test]
    fn every_pure_colour_and_all_of_the_grey_scale_is_there() {
        let card = draw(0);
        let share = |wanted: &dyn Fn([u8; 3]) -> bool| {
            pixels(&card).filter(|pixel| wanted(*pixel)).count() as f64 / f64::from(WIDTH * HEIGHT)
        };
        assert!(share(&|pixel| pixel.iter().all(|value| *value < 40)) > 0.05, "dark");
        assert!(share(&|pixel| pixel.iter().all(|value| *value > 215)) > 0.05, "light");
        for hue in 1..7_u8 {
            let has = |[r, g, b]: [u8; 3]| {
                [(r, 1), (g, 2), (b, 4)]
                    .into_iter()
                    .all(|(value, bit)| if hue & bit != 0 { value > 180 } else { value < 70 })
            };
            assert!(share(&has) > 0.004, "colour {hue:03b}");
        }
    }

    #[test]
    fn off_screen_frames_come_at_once_and_in_order() {
        let mut card = TestCard::new(false);
        assert!(!card.is_live());
        assert_eq!(&*card.describe(), "test card · 640×480 · 30 fps");
        for id in 0..3 {
            let frame = card.next_frame().unwrap().unwrap();
            assert_eq!(frame.id, id);
            assert_eq!((frame.width, frame.height, frame.format), (640, 480, PixelFormat::Rgb8));
            assert_eq!(&*frame.name, "test card");
            assert_eq!(frame.bytes[..], draw(id)[..]);
        }
    }

    #[test]
    fn live_frames_keep_the_time() {
        let mut card = TestCard::new(true);
        assert!(card.is_live());
        let started = Instant::now();
        for id in 0..4 {
            assert_eq!(card.next_frame().unwrap().unwrap().id, id);
        }
        assert!(started.elapsed() >= Duration::from_millis(99));
    }

    #[test]
    fn a_late_reader_misses_frames_and_an_early_one_waits() {
        let second = Duration::from_secs(1);
        assert_eq!(tick(Duration::ZERO, 0), (0, Duration::ZERO));
        assert_eq!(tick(second, 3), (30, Duration::ZERO));
        assert_eq!(tick(second, 45), (45, second / 2));
        // A thread may sleep a little short of its time; the frame is then still a later one.
        assert_eq!(tick(second * 2 - Duration::from_micros(1), 60).0, 60);
    }
}
