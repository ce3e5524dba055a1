//! The panels of the test card, each a pure function from a place to a colour: something for every kind of
//! filter that the first layers of a network hold.
//!
//! Pure, any thread. Places are pixels from the middle of the panel, x to the right and y down. All motion
//! repeats after a whole number of frames, so that it stays exact however long the card runs.

use super::canvas::{Rgb, coverage, floor, fraction, grey, hash, hue, mix, noise, turns_of, wave};

/// Where in its cycle of `period` frames a motion is, 0 ≤ result < 1.
pub(super) fn phase(frame_number: u64, period: u64) -> f32 {
    (frame_number % period) as f32 / period as f32
}

/// Vertical sine gratings in 4 bands from coarse to fine, drifting in turn to the left and to the right.
pub(super) fn frequencies(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const PERIODS_PX: [f32; 4] = [24.0, 15.0, 10.0, 6.5];
    let drift = phase(frame_number, 75);
    move |x, y| {
        let band = floor((y + 49.0) / 24.5).clamp(0, 3) as usize;
        let to_the_left = if band.is_multiple_of(2) { drift } else { -drift };
        grey(0.5 + 0.46 * wave(x / PERIODS_PX[band] + to_the_left))
    }
}

/// Six gratings in soft round windows, one every 30°, drifting.
pub(super) fn orientations(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const CELL_PX: (f32, f32) = (36.0, 49.0);
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
        let column = floor((x + 54.0) / CELL_PX.0).clamp(0, 2);
        let row = floor((y + 49.0) / CELL_PX.1).clamp(0, 1);
        let x = x - (column - 1) as f32 * CELL_PX.0;
        let y = y + 24.5 - row as f32 * CELL_PX.1;
        let (across_x, across_y) = ACROSS[(row * 3 + column) as usize];
        let window = (1.15 - (x * x + y * y) / 300.0).clamp(0.0, 1.0);
        grey(0.5 + 0.5 * window * wave((x * across_x + y * across_y) * FREQUENCY - drift))
    }
}

/// Checks: coarse black and white above, finer red and green below (a pair of equal weight to the eye).
pub(super) fn checks(x: f32, y: f32) -> Rgb {
    let even = |size_px: f32| (floor(x / size_px) + floor(y / size_px)) % 2 == 0;
    if y < 0.0 {
        if even(14.0) { grey(0.95) } else { grey(0.04) }
    } else if even(7.0) {
        [0.87, 0.16, 0.13]
    } else {
        [0.10, 0.55, 0.24]
    }
}

/// Yellow dots on dark blue, shrinking and growing as a wave passes.
pub(super) fn dots(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const PITCH_PX: f32 = 14.0;
    let passing = phase(frame_number, 90);
    move |x, y| {
        let row = floor(y / PITCH_PX);
        let shift = if row & 1 == 0 { 0.0 } else { 0.5 };
        let column = floor(x / PITCH_PX - shift);
        let middle_x = (column as f32 + 0.5 + shift) * PITCH_PX;
        let middle_y = (row as f32 + 0.5) * PITCH_PX;
        let radius_px = 4.2 + 1.9 * wave((middle_x + middle_y) / 110.0 - passing);
        let distance_px = ((x - middle_x) * (x - middle_x) + (y - middle_y) * (y - middle_y)).sqrt();
        mix([0.05, 0.09, 0.27], [1.0, 0.83, 0.16], coverage(distance_px - radius_px))
    }
}

/// A brick wall.
pub(super) fn bricks(x: f32, y: f32) -> Rgb {
    const BRICK_PX: (f32, f32) = (31.0, 14.0);
    const JOINT_PX: f32 = 2.2;
    let (x, y) = (x + 200.0, y + 203.0);
    let row = floor(y / BRICK_PX.1);
    let shift = if row % 2 == 0 { 0.0 } else { BRICK_PX.0 * 0.5 };
    let column = floor((x + shift) / BRICK_PX.0);
    let in_x = x + shift - column as f32 * BRICK_PX.0;
    let in_y = y - row as f32 * BRICK_PX.1;
    let grain = hash(x as i32, y as i32) - 0.5;
    if in_x < JOINT_PX || in_y < JOINT_PX {
        return grey(0.67 + 0.06 * grain);
    }
    let tint = 0.72 + 0.42 * hash(column + 31, row + 17) + 0.10 * grain;
    // Lit from above: the upper edge of a brick is bright, the lower one dark.
    let relief = if in_y < JOINT_PX + 1.0 {
        1.2
    } else if in_y > BRICK_PX.1 - 1.2 {
        0.75
    } else {
        1.0
    };
    [0.64, 0.27, 0.18].map(|value| value * tint * relief)
}

/// Wood with its grain from top to bottom.
pub(super) fn wood(x: f32, y: f32) -> Rgb {
    const ANY: i32 = 1 << 16;
    let bend = noise(x * 0.03 + 40.0, y * 0.012 + 9.0, ANY);
    let ring = fraction(x * 0.034 + bend * 2.6);
    // A year's ring darkens slowly and ends at once.
    let year = ring * ring * (1.0 - ((ring - 0.9) * 10.0).clamp(0.0, 1.0));
    let fibre = noise(x * 0.9 + 300.0, y * 0.035 + 50.0, ANY);
    mix([0.83, 0.60, 0.36], [0.43, 0.24, 0.11], (year * 0.85 + fibre * 0.38 - 0.1).clamp(0.0, 1.0))
}

/// White clouds drifting over a blue sky.
pub(super) fn clouds(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const REPEAT: i32 = 64;
    let drift = phase(frame_number, 6400) * REPEAT as f32;
    move |x, y| {
        let (x, y) = (x / 42.0 + drift + 8.0, y / 34.0 + 20.0);
        let mut density = 0.0;
        let (mut amplitude, mut octave) = (0.5, 1);
        for _ in 0..4 {
            density += amplitude * noise(x * octave as f32, y * octave as f32, REPEAT * octave);
            amplitude *= 0.5;
            octave *= 2;
        }
        let cover = ((density - 0.40) * 4.2).clamp(0.0, 1.0);
        let white = grey(1.0 - 0.45 * (density - 0.55).max(0.0));
        mix([0.20, 0.45, 0.80], white, cover * cover * (3.0 - 2.0 * cover))
    }
}

/// All hues around, paler towards the middle, turning slowly.
pub(super) fn color_wheel(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 43.0;
    let turned = phase(frame_number, 720);
    move |x, y| {
        let radius_px = (x * x + y * y).sqrt();
        let saturation = (radius_px / RADIUS_PX * 1.12 - 0.12).clamp(0.0, 1.0);
        let color = mix(grey(1.0), hue(turns_of(x, -y) + turned), saturation);
        mix(grey(0.13), color, coverage(radius_px - RADIUS_PX))
    }
}

/// A triangle, a ring and a turning star.
pub(super) fn shapes(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    let turned = phase(frame_number, 300);
    move |x, y| {
        let triangle = triangle_px(x + 29.0, y + 19.0, 11.5);
        let (ring_x, ring_y) = (x - 28.0, y + 23.0);
        let ring = ((ring_x * ring_x + ring_y * ring_y).sqrt() - 14.0).abs() - 5.0;
        let star = star_px(x, y - 20.0, 25.0, turned);
        let ground = mix([0.92, 0.91, 0.87], [0.86, 0.15, 0.18], coverage(triangle));
        let ground = mix(ground, [0.07, 0.35, 0.72], coverage(ring));
        mix(ground, [0.06, 0.08, 0.12], coverage(star))
    }
}

/// A wheel of black and white spokes, turning: every orientation at once, finer towards the middle.
pub(super) fn spokes(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const SPOKES: f32 = 18.0;
    let turned = phase(frame_number, 90);
    move |x, y| {
        let radius_px = (x * x + y * y).sqrt();
        // Steepness of one pixel at the edge of a spoke; near the middle the spokes melt into grey.
        let sharpness = radius_px * (0.5 * std::f32::consts::TAU / SPOKES);
        let edge = wave(turns_of(x, y) * SPOKES + turned) * sharpness;
        grey(0.5 + edge.clamp(-0.47, 0.47))
    }
}

/// The six saturated colours, each around a disc of its opposite.
pub(super) fn patches(x: f32, y: f32) -> Rgb {
    const CELL_PX: (f32, f32) = (110.0 / 3.0, 49.0);
    const COLORS: [Rgb; 6] = [
        [0.93, 0.05, 0.08],
        [0.02, 0.72, 0.15],
        [0.06, 0.12, 0.90],
        [0.02, 0.80, 0.86],
        [0.90, 0.06, 0.78],
        [0.98, 0.89, 0.04],
    ];
    let column = floor((x + 55.0) / CELL_PX.0).clamp(0, 2);
    let row = floor((y + 49.0) / CELL_PX.1).clamp(0, 1);
    let x = x - (column - 1) as f32 * CELL_PX.0;
    let y = y + 24.5 - row as f32 * CELL_PX.1;
    let here = (row * 3 + column) as usize;
    let disc = (x * x + y * y).sqrt() - 9.5;
    mix(COLORS[here], COLORS[(here + 3) % 6], coverage(disc))
}

/// A white bar turning on a dial that is half warm, half cold.
pub(super) fn dial(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 43.0;
    let angle = phase(frame_number, 240);
    let (sine, cosine) = (wave(angle), wave(angle + 0.25));
    move |x, y| {
        let (along, across) = (x * cosine + y * sine, y * cosine - x * sine);
        let dial = (x * x + y * y).sqrt() - RADIUS_PX;
        let halves = mix([0.95, 0.45, 0.10], [0.08, 0.30, 0.62], coverage(across));
        let color = mix(grey(0.45), halves, coverage(dial));
        let beyond = (along.abs() - 29.0).max(0.0);
        let bar = (beyond * beyond + across * across).sqrt() - 6.0;
        let color = mix(color, grey(0.04), coverage(bar - 2.5));
        mix(color, grey(0.97), coverage(bar))
    }
}

/// The large middle panel: a zone plate, finer outwards, its rings running inwards, and a ball with a star
/// that travels before it.
pub(super) fn zone_plate(frame_number: u64) -> impl Fn(f32, f32) -> Rgb {
    const RADIUS_PX: f32 = 95.0;
    /// Rings per square pixel of radius: the outermost ring is 5.5 pixels wide.
    const RINGS: f32 = 1.0 / (2.0 * RADIUS_PX * 5.5);
    const BALL_PX: f32 = 21.0;
    let running = phase(frame_number, 60);
    let ball_x = 74.0 * wave(phase(frame_number, 300));
    let ball_y = 58.0 * wave(phase(frame_number, 200) + 0.2);
    let turned = phase(frame_number, 150);
    move |x, y| {
        let square = x * x + y * y;
        let outside = square.sqrt() - RADIUS_PX;
        let ramp = grey(0.16 + 0.30 * (x / 228.0 + 0.5));
        let rim = mix(ramp, grey(0.95), coverage(outside - 3.0));
        let plate = grey(0.5 + 0.48 * wave(square * RINGS + running + 0.25));
        let color = mix(rim, plate, coverage(outside));
        let (x, y) = (x - ball_x, y - ball_y);
        let square = x * x + y * y;
        if square > (BALL_PX + 4.0) * (BALL_PX + 4.0) {
            return color;
        }
        let ball = square.sqrt() - BALL_PX;
        let color = mix(color, grey(0.03), coverage(ball - 2.5));
        let lit = 1.0 - 0.012 * (x + y) - 0.0006 * square;
        let color = mix(color, [0.93, 0.25, 0.12].map(|value| value * lit), coverage(ball));
        mix(color, [1.0, 0.95, 0.75], coverage(star_px(x, y, 15.0, turned)))
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

/// Distance in pixels to an upright triangle around a circle of `radius_px`; negative inside.
fn triangle_px(x: f32, y: f32, radius_px: f32) -> f32 {
    y.max(x.abs() * 0.866_025_4 - y * 0.5) - radius_px
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
