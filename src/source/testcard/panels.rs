//! The panels of the test card, each a pure function from a place to a colour: something for every kind of
//! filter that the first layers of a network hold.
//!
//! Pure, any thread. Places are pixels from the middle of the panel, x to the right and y down. All motion
//! repeats after a whole number of frames, so that it stays exact however long the card runs.

use super::canvas::{Rgb, coverage, floor, fraction, grey, hue, mix, turns_of, wave};

/// Where in its cycle of `period` frames a motion is, 0 ≤ result < 1.
pub(super) fn phase(frame_number: u64, period: u64) -> f32 {
    (frame_number % period) as f32 / period as f32
}

/// Vertical sine gratings in 4 bands from coarse to fine, drifting in turn to the left and to the right.
pub(super) fn frequencies(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const PERIODS_PX: [f32; 4] = [24.0, 15.0, 10.0, 6.5];
    let drift = phase(frame_number, 75);
    move |x, y| {
        let band = floor((y + 40.0) / 20.0).clamp(0, 3) as usize;
        let to_the_left = if band.is_multiple_of(2) { drift } else { -drift };
        grey(0.5 + 0.46 * wave(x / PERIODS_PX[band] + to_the_left))
    }
}

/// Six gratings in soft round windows, one every 30°, drifting.
pub(super) fn orientations(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const CELL_PX: (f32, f32) = (30.0, 40.0);
    const FREQUENCY: f32 = 1.0 / 9.0;
    // Unit vectors across the stripes.
    const ACROSS: [(f32, f32); 6] = [
        (1.0, 0.0),
        (0.866_025_4, 0.5),
        (0.5, 0.866_025_4),
        (0.0, 1.0),
        (-0.5, 0.866_025_4),
        (-0.866_025_4, 0.5),
    ];
    let drift = phase(frame_number, 60);
    move |x, y| {
        let column = floor((x + 45.0) / CELL_PX.0).clamp(0, 2);
        let row = floor((y + 40.0) / CELL_PX.1).clamp(0, 1);
        let x = x - (column - 1) as f32 * CELL_PX.0;
        let y = y + 20.0 - row as f32 * CELL_PX.1;
        let (across_x, across_y) = ACROSS[(row * 3 + column) as usize];
        let window = (1.15 - (x * x + y * y) / 200.0).clamp(0.0, 1.0);
        grey(0.5 + 0.5 * window * wave((x * across_x + y * across_y) * FREQUENCY - drift))
    }
}

/// All hues around, paler towards the middle, turning slowly.
pub(super) fn color_wheel(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 36.0;
    let turned = phase(frame_number, 720);
    move |x, y| {
        let radius_px = (x * x + y * y).sqrt();
        let saturation = (radius_px / RADIUS_PX * 1.12 - 0.12).clamp(0.0, 1.0);
        let color = mix(grey(1.0), hue(turns_of(x, -y) + turned), saturation);
        mix(grey(0.13), color, coverage(radius_px - RADIUS_PX))
    }
}

/// A white bar turning on a dial that is half warm, half cold.
pub(super) fn dial(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 36.0;
    let angle = phase(frame_number, 240);
    let (sine, cosine) = (wave(angle), wave(angle + 0.25));
    move |x, y| {
        let (along, across) = (x * cosine + y * sine, y * cosine - x * sine);
        let dial = (x * x + y * y).sqrt() - RADIUS_PX;
        let halves = mix([0.95, 0.45, 0.10], [0.08, 0.30, 0.62], coverage(across));
        let color = mix(grey(0.45), halves, coverage(dial));
        let beyond = (along.abs() - 24.0).max(0.0);
        let bar = (beyond * beyond + across * across).sqrt() - 5.0;
        let color = mix(color, grey(0.04), coverage(bar - 2.5));
        mix(color, grey(0.97), coverage(bar))
    }
}

/// A zone plate, finer outwards, its rings running inwards, and a ball with a star that travels before it.
pub(super) fn zone_plate(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 36.0;
    /// Rings per square pixel of radius: the outermost ring is 4 pixels wide.
    const RINGS: f32 = 1.0 / (2.0 * RADIUS_PX * 4.0);
    const BALL_PX: f32 = 10.0;
    let running = phase(frame_number, 60);
    let ball_x = 28.0 * wave(phase(frame_number, 300));
    let ball_y = 22.0 * wave(phase(frame_number, 200) + 0.2);
    let turned = phase(frame_number, 150);
    move |x, y| {
        let square = x * x + y * y;
        let outside = square.sqrt() - RADIUS_PX;
        let ramp = grey(0.16 + 0.30 * (x / 91.0 + 0.5));
        let plate = grey(0.5 + 0.48 * wave(square * RINGS + running + 0.25));
        let color = mix(ramp, plate, coverage(outside));
        let (x, y) = (x - ball_x, y - ball_y);
        let square = x * x + y * y;
        if square > (BALL_PX + 4.0) * (BALL_PX + 4.0) {
            return color;
        }
        let ball = square.sqrt() - BALL_PX;
        let color = mix(color, grey(0.03), coverage(ball - 1.5));
        let lit = 1.0 - 0.02 * (x + y) - 0.002 * square;
        let color = mix(color, [0.93, 0.25, 0.12].map(|value| value * lit), coverage(ball));
        mix(color, [1.0, 0.95, 0.75], coverage(star_px(x, y, 7.5, turned)))
    }
}

/// Steps from white to black.
pub(super) fn grey_steps(_x: f32, y: f32) -> Rgb {
    grey(1.0 - floor((y + 208.0) / 32.0).clamp(0, 12) as f32 / 12.0)
}

/// Bars of saturated colour, from pure on the left to half pale on the right.
pub(super) fn color_bars(x: f32, y: f32) -> Rgb {
    const BARS: f32 = 6.0;
    let bar = floor((y + 208.0) / 416.0 * BARS);
    let paleness = if x < 0.0 { 0.0 } else { 0.5 };
    mix(hue(bar as f32 / BARS), grey(0.9), paleness)
}

/// Distance in pixels to a star of five points, its tips at `radius_px`; negative inside.
fn star_px(x: f32, y: f32, radius_px: f32, turned: f32) -> f32 {
    let reach = (x * x + y * y).sqrt();
    if reach > radius_px + 1.0 {
        return reach - radius_px;
    }
    // All ten half points folded into one: from the tip (angle 0) to the notch (a tenth of a turn).
    let fifth = fraction((turns_of(x, y) + 0.25 - turned) * 5.0) - 0.5;
    let angle = fifth.abs() * 0.2;
    let (folded_x, folded_y) = (reach * wave(angle + 0.25), reach * wave(angle));
    // The edge runs from the tip (1, 0) to the notch (0.309, 0.225), in radii; (0.309, 0.951) is its normal.
    (folded_x - radius_px) * 0.309 + folded_y * 0.951
}
