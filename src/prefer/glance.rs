//! How a picture is looked at: moved, turned and resized a little, differently each time.

use crate::weights::RandomStream;

/// How much of a picture's side is seen in the middle between nearest and furthest, and what that is multiplied or divided by
/// at most.
const MIDDLE: f32 = 1.0;
const NEARNESS: f32 = 1.1;
/// Degrees.
const TURN: f32 = 5.0;
/// How far a look goes beyond a picture's sides, in parts of them.
const WANDER: f32 = 0.05;

/// A look at a picture: which place of it each pixel of the network's input shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glance {
    /// Pixels of the picture per pixel of the input.
    pub scale: f32,
    /// Radians.
    pub angle: f32,
    /// How far the middle of the input is from that of the picture, in pixels of the picture: down and to the right.
    pub shift: [f32; 2],
}

impl Glance {
    /// The look of one step at a picture of size `from` by an input of size `to`.
    pub fn random(seed: u64, step: usize, from: [usize; 2], to: [usize; 2]) -> Self {
        let stream = RandomStream::new(seed, &format!("glance {step}"));
        // From −1 to 1.
        let swing = |at: u64| 2.0 * stream.uniform(at) as f32 - 1.0;
        let whole = (from[0] as f32 / to[0] as f32).min(from[1] as f32 / to[1] as f32);
        let resized = NEARNESS.powf(swing(0)) * MIDDLE;
        let room = |side: usize| (WANDER + (1.0 - resized).max(0.0) / 2.0) * from[side] as f32;
        Self {
            scale: whole * resized,
            angle: TURN.to_radians() * swing(1),
            shift: [room(0) * swing(2), room(1) * swing(3)],
        }
    }

    /// For each pixel of an input of size `to`: the four pixels of a picture of size `from` around the place that it shows, and
    /// their parts. Beyond its sides the picture is mirrored.
    fn each(&self, from: [usize; 2], to: [usize; 2], mut visit: impl FnMut(usize, [(usize, f32); 4])) {
        let (sin, cos) = self.angle.sin_cos();
        let middle = |side: usize| (side as f32 - 1.0) / 2.0;
        for row in 0..to[0] {
            for column in 0..to[1] {
                let (y, x) = (row as f32 - middle(to[0]), column as f32 - middle(to[1]));
                let y_at = self.scale * (cos * y - sin * x) + self.shift[0] + middle(from[0]);
                let x_at = self.scale * (sin * y + cos * x) + self.shift[1] + middle(from[1]);
                let (top, left) = (y_at.floor(), x_at.floor());
                let (down, right) = (y_at - top, x_at - left);
                let rows = [top, top + 1.0].map(|y| mirrored(y as isize, from[0]) * from[1]);
                let columns = [left, left + 1.0].map(|x| mirrored(x as isize, from[1]));
                visit(
                    row * to[1] + column,
                    [
                        (rows[0] + columns[0], (1.0 - down) * (1.0 - right)),
                        (rows[0] + columns[1], (1.0 - down) * right),
                        (rows[1] + columns[0], down * (1.0 - right)),
                        (rows[1] + columns[1], down * right),
                    ],
                );
            }
        }
    }

    /// What it shows of planes of size `from`, in planes of size `to`.
    pub fn look(&self, planes: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
        let [before, after] = [from, to].map(|[height, width]| height * width);
        let mut seen = vec![0.0; planes.len() / before * after];
        self.each(from, to, |pixel, parts| {
            for (plane, seen) in planes.chunks_exact(before).zip(seen.chunks_exact_mut(after)) {
                seen[pixel] = parts.iter().map(|(at, part)| plane[*at] * part).sum();
            }
        });
        seen
    }

    /// The gradient with respect to those planes, of that with respect to what is seen.
    pub fn back(&self, gradient: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
        let [before, after] = [from, to].map(|[height, width]| height * width);
        let mut planes = vec![0.0; gradient.len() / after * before];
        self.each(from, to, |pixel, parts| {
            for (plane, seen) in planes.chunks_exact_mut(before).zip(gradient.chunks_exact(after)) {
                for (at, part) in parts {
                    plane[at] += seen[pixel] * part;
                }
            }
        });
        planes
    }
}

/// A place beyond the ends of a side, mirrored back into it.
fn mirrored(at: isize, side: usize) -> usize {
    let period = 2 * side as isize;
    let at = at.rem_euclid(period);
    at.min(period - 1 - at) as usize
}
