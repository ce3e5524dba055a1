//! The test card: an animated picture drawn by code, for when there is no camera and for tests.
//!
//! [`draw`] is pure and may be called anywhere; [`TestCard`] is used on the capture thread.

mod canvas;
mod panels;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use self::canvas::{Canvas, GLYPH_ADVANCE, Rect, Rgb, fraction, grey, mix};
use super::frame_source::{FrameSource, Made, SourceError};
use crate::frame::{Frame, PixelFormat};
use crate::shapes::{Class, panel};

/// Width of the card in pixels.
pub const WIDTH: u32 = 640;
/// Height of the card in pixels.
pub const HEIGHT: u32 = 480;
/// Frames a second of the live card.
pub const FPS: u32 = 30;

/// The test card by its name.
pub const MADE: Made = Made { name: "testcard", open: |live| Box::new(TestCard::new(live)) };

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
            note: None,
            source: "".into(),
            id,
            captured,
            width: WIDTH,
            height: HEIGHT,
            format: PixelFormat::Rgb8,
            bytes: draw(number).into(),
            name: self.name.clone(),
        }))
    }

    fn rate(&self) -> Option<f64> {
        Some(f64::from(FPS))
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

/// Frames for which an object is shown.
const OBJECT_FRAMES: u64 = 120;

/// Of these, the last ones in which the next object appears through it.
const FADE_FRAMES: u64 = 24;

/// The object of a frame, one after the other of those that the embedded network knows, and how far through its time
/// the frame is, 0 ≤ part < 1.
fn object(frame_number: u64) -> (Class, f32) {
    let objects = &Class::ALL[1..];
    let first = Class::Star.index() - 1;
    let class = objects[(first + (frame_number / OBJECT_FRAMES) as usize % objects.len()) % objects.len()];
    (class, (frame_number % OBJECT_FRAMES) as f32 / OBJECT_FRAMES as f32)
}

/// What the card says that it shows in a frame.
pub fn object_name(frame_number: u64) -> &'static str {
    object(frame_number).0.name()
}

/// Draws one frame of the card: [`WIDTH`] × [`HEIGHT`] pixels of red, green and blue bytes, rows from top to
/// bottom.
///
/// In the middle an object that the embedded network knows (another one every 4 seconds), named in the title; around
/// it what every kind of filter in a network's first layers answers to.
pub fn draw(frame_number: u64) -> Vec<u8> {
    const BODY_Y: usize = 52;
    const BODY_HEIGHT: usize = 416;
    const LEFT: usize = 80;
    const SMALL: (usize, usize) = (91, 80);
    const GAP: usize = 6;

    let mut canvas = Canvas::new(WIDTH as usize, HEIGHT as usize);
    title(&mut canvas, frame_number);

    let side = |x| Rect { x, y: BODY_Y, width: 56, height: BODY_HEIGHT };
    canvas.panel(side(12), panels::grey_steps);
    canvas.panel(side(572), panels::color_bars);

    let middle = Rect { x: LEFT, y: BODY_Y, width: 480, height: BODY_HEIGHT - SMALL.1 - GAP };
    canvas.picture(middle, &object_picture(frame_number, middle.width, middle.height));

    let small = |column: usize| Rect {
        x: LEFT + column * (SMALL.0 + GAP),
        y: BODY_Y + BODY_HEIGHT - SMALL.1,
        width: SMALL.0,
        height: SMALL.1,
    };
    canvas.panel(small(0), panels::frequencies(frame_number));
    canvas.panel(small(1), panels::orientations(frame_number));
    canvas.panel(small(2), panels::zone_plate(frame_number));
    canvas.panel(small(3), panels::color_wheel(frame_number));
    canvas.panel(small(4), panels::dial(frame_number));

    canvas.into_bytes()
}

/// The object as a picture of its own, the next one shining through at the end of its time.
fn object_picture(frame_number: u64, width: usize, height: usize) -> Vec<u8> {
    let (class, part) = object(frame_number);
    let mut picture = panel(class, part, width, height);
    let fading = (frame_number % OBJECT_FRAMES + FADE_FRAMES).saturating_sub(OBJECT_FRAMES);
    if fading > 0 {
        let (next, _) = object(frame_number + FADE_FRAMES);
        // The next one starts at the beginning of its sway.
        let through = fading as f32 / FADE_FRAMES as f32;
        for (pixel, next) in picture.iter_mut().zip(panel(next, 0.0, width, height)) {
            *pixel = (f32::from(*pixel) + (f32::from(next) - f32::from(*pixel)) * through + 0.5) as u8;
        }
    }
    picture
}

/// The strip above the panels: what is shown, frame number, and a light that runs along the line below.
fn title(canvas: &mut Canvas, frame_number: u64) {
    const SCALE: usize = 2;
    const LEFT: usize = 80;
    const RIGHT: usize = 560;
    const TEXT_Y: usize = 16;
    const INK: Rgb = grey(0.93);
    const ACCENT: Rgb = [1.0, 0.62, 0.16];

    canvas.text((LEFT, TEXT_Y), SCALE, grey(0.55), "test card:");
    canvas.text((LEFT + 11 * GLYPH_ADVANCE * SCALE, TEXT_Y), SCALE, INK, object_name(frame_number));
    let number = format!("{:06}", frame_number % 1_000_000_000);
    let number_x = RIGHT + SCALE - number.len() * GLYPH_ADVANCE * SCALE;
    canvas.text((number_x, TEXT_Y), SCALE, ACCENT, &number);

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
    fn every_object_has_its_turn_and_its_name() {
        let names: Vec<_> = (0..26).map(|turn| object_name(turn * OBJECT_FRAMES)).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        let mut all: Vec<_> = Class::ALL[1..].iter().map(|class| class.name()).collect();
        all.sort_unstable();
        assert_eq!((sorted, names[0]), (all, "a star"));
        assert_eq!(object_name(26 * OBJECT_FRAMES), names[0]);
        for name in names {
            assert!(name.chars().all(|c| c == ' ' || canvas::has_glyph(c)), "{name}");
        }
    }

    #[test]
    fn it_moves_and_moves_smoothly() {
        let card = draw(0);
        assert!(mean_difference(&card, &draw(10)) > 2.0);
        // Within an object's time, while the next one appears, and as it takes over.
        for number in [0, 59, 100, 119, 299, 6399] {
            let change = mean_difference(&draw(number), &draw(number + 1));
            assert!(change > 0.1 && change < 6.0, "{change} from frame {number} to the next");
        }
    }

    #[test]
    fn every_pure_colour_and_all_of_the_grey_scale_is_there() {
        // With a heart on paper in the middle; the star's ground is dark.
        let card = draw(150);
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
