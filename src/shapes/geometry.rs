//! Points, sines that are the same on every machine, and the way from a sheet held up to the picture and back.
//!
//! Pure, any thread.

use super::random::floor;

/// x to the right, y down.
pub type Point = [f32; 2];

/// A line drawn with a pen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its corners, close enough together that curves look like curves.
    pub points: Vec<Point>,
    /// True where the last point is joined to the first.
    pub closed: bool,
}

/// Sine of an angle in turns, right to 2·10⁻⁵, from additions and multiplications only: the platform's sine differs
/// between machines.
pub fn sin(turns: f32) -> f32 {
    let t = turns - floor(turns) as f32;
    // Folded to a quarter: −0.25 to 0.25.
    let t = if t < 0.25 {
        t
    } else if t < 0.75 {
        0.5 - t
    } else {
        t - 1.0
    };
    let a = t * std::f32::consts::TAU;
    let s = a * a;
    a * (1.0 + s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s * (1.0 / 362_880.0)))))
}

/// Cosine of an angle in turns.
pub fn cos(turns: f32) -> f32 {
    sin(turns + 0.25)
}

/// The point at an angle (in turns, clockwise from the right) and a radius.
pub fn polar(turns: f32, radius: f32) -> Point {
    [cos(turns) * radius, sin(turns) * radius]
}

/// `from` at 0, `to` at 1.
pub fn mix(from: f32, to: f32, amount: f32) -> f32 {
    from + (to - from) * amount
}

/// 0 below `low`, 1 above `high`, smooth between.
pub fn smooth_step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Points along a curve through all of these (Catmull and Rom, 1974), `steps` for each part.
pub fn curve(through: &[Point], closed: bool, steps: usize) -> Vec<Point> {
    let count = through.len();
    if count < 3 {
        return through.to_vec();
    }
    let parts = if closed { count } else { count - 1 };
    let at = |i: isize| {
        let last = count as isize - 1;
        through[if closed { i.rem_euclid(count as isize) } else { i.clamp(0, last) } as usize]
    };
    let mut points = Vec::with_capacity(parts * steps + 1);
    for part in 0..parts as isize {
        let [a, b, c, d] = [at(part - 1), at(part), at(part + 1), at(part + 2)];
        for step in 0..steps {
            let t = step as f32 / steps as f32;
            points.push([0, 1].map(|i| {
                0.5 * (2.0 * b[i]
                    + (c[i] - a[i]) * t
                    + (2.0 * a[i] - 5.0 * b[i] + 4.0 * c[i] - d[i]) * t * t
                    + (3.0 * b[i] - a[i] - 3.0 * c[i] + d[i]) * t * t * t)
            }));
        }
    }
    if !closed {
        points.push(at(count as isize - 1));
    }
    points
}

/// The same line with points at most `step` apart.
pub fn refined(line: &Line, step: f32) -> Line {
    let ends = line.points.iter().skip(1).chain(line.points.first().filter(|_| line.closed));
    let mut points = Vec::new();
    for (from, to) in line.points.iter().zip(ends) {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let parts = (((dx * dx + dy * dy).sqrt() / step) as usize + 1).min(400);
        points.extend((0..parts).map(|i| {
            let t = i as f32 / parts as f32;
            [from[0] + dx * t, from[1] + dy * t]
        }));
    }
    if !line.closed {
        points.extend(line.points.last());
    }
    Line { points, closed: line.closed }
}

/// A circle or ellipse around a point.
pub fn ellipse(centre: Point, radii: Point, corners: usize) -> Vec<Point> {
    (0..corners)
        .map(|i| {
            let [x, y] = polar(i as f32 / corners as f32, 1.0);
            [centre[0] + x * radii[0], centre[1] + y * radii[1]]
        })
        .collect()
}

/// A projective map of the plane.
#[derive(Clone, Copy, Debug)]
pub struct Projection([[f32; 3]; 3]);

impl Projection {
    /// A sheet in front of a camera: points of the sheet (units of the object's half extent) → pixels. `scale`:
    /// pixels per unit; `turn`: rotation in turns; `tilt`: angle in turns between sheet and picture plane, about
    /// an axis at `axis` turns; `distance`: of the camera in units, at least 2; `squeeze`: height by width of a
    /// camera pixel.
    pub fn of_sheet(
        centre: Point,
        scale: f32,
        turn: f32,
        tilt: f32,
        axis: f32,
        distance: f32,
        squeeze: f32,
    ) -> Self {
        let (ct, st) = (cos(turn), sin(turn));
        let (ca, sa) = (cos(axis), sin(axis));
        let (ci, si) = (cos(tilt), sin(tilt));
        // Rotated in the plane, then about the axis (ca, sa): the part across the axis is shortened and gains depth.
        let across = [-sa * ct + ca * st, sa * st + ca * ct];
        let along = [ca * ct + sa * st, -ca * st + sa * ct];
        let x = [0, 1].map(|i| ca * along[i] - sa * ci * across[i]);
        let y = [0, 1].map(|i| sa * along[i] + ca * ci * across[i]);
        let depth = across.map(|a| a * si / distance);
        let row = |v: [f32; 2], c: f32, s: f32| {
            [v[0] * scale * s + c * depth[0], v[1] * scale * s + c * depth[1], c]
        };
        Self([row(x, centre[0], 1.0), row(y, centre[1], squeeze), [depth[0], depth[1], 1.0]])
    }

    /// The way back; `None` where there is none.
    pub fn inverse(&self) -> Option<Self> {
        let m = self.0;
        let minor = |r: usize, c: usize| {
            let [r1, r2] = [(r + 1) % 3, (r + 2) % 3];
            let [c1, c2] = [(c + 1) % 3, (c + 2) % 3];
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let determinant: f32 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
        if determinant.abs() < 1e-9 {
            return None;
        }
        let index = [0, 1, 2];
        Some(Self(index.map(|r| index.map(|c| minor(c, r) / determinant))))
    }

    /// Where a point goes. `None` behind the camera.
    pub fn apply(&self, [x, y]: Point) -> Option<Point> {
        let of = |row: [f32; 3]| row[0] * x + row[1] * y + row[2];
        let w = of(self.0[2]);
        (w > 1e-4).then(|| [of(self.0[0]) / w, of(self.0[1]) / w])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_right() {
        for i in -400..400 {
            let turns = i as f32 * 0.0173;
            let exact = (f64::from(turns) * std::f64::consts::TAU).sin() as f32;
            assert!((sin(turns) - exact).abs() < 2e-5, "{turns}: {} {exact}", sin(turns));
        }
        assert!((cos(0.5) + 1.0).abs() < 2e-5);
    }

    #[test]
    fn a_sheet_is_found_again() {
        let sheet = Projection::of_sheet([80.0, 70.0], 50.0, 0.08, 0.12, 0.3, 3.5, 1.2);
        let back = sheet.inverse().unwrap();
        for point in [[0.0, 0.0], [1.0, 0.5], [-0.7, 0.9]] {
            let [x, y] = back.apply(sheet.apply(point).unwrap()).unwrap();
            assert!((x - point[0]).abs() < 1e-3 && (y - point[1]).abs() < 1e-3, "{point:?} {x} {y}");
        }
        let flat = Projection::of_sheet([80.0, 70.0], 50.0, 0.25, 0.0, 0.3, 3.5, 1.0);
        let [x, y] = flat.apply([1.0, 0.0]).unwrap();
        assert!((x - 80.0).abs() < 0.01 && (y - 120.0).abs() < 0.01, "a quarter turn: {x} {y}");
    }

    #[test]
    fn curves_go_through_their_points() {
        let points = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]];
        let smooth = curve(&points, false, 8);
        assert!(points.iter().all(|point| smooth.contains(point)));
        assert_eq!(smooth.len(), 17);
        let line = refined(&Line { points: points.to_vec(), closed: true }, 0.5);
        assert!(line.points.len() >= 10);
    }
}
