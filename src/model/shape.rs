//! Shapes of values, and what becomes of them.

use std::fmt;

use super::op::{Axis, Op};
use super::step::MOST_AXES;
use super::window::Window;

/// Channels, height and width of a feature map (the batch is always 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Number of channels; of classes at the end.
    pub channels: usize,
    /// Rows of one map.
    pub height: usize,
    /// Columns of one map.
    pub width: usize,
}

/// Most values of one layer: 1 GiB of f32.
pub const MOST_VALUES: usize = 1 << 28;

impl Shape {
    /// Puts rows and columns (half-open ranges) of one picture over another of this shape, in every channel.
    pub fn paste(self, values: &mut [f32], from: &[f32], [rows, columns]: [[usize; 2]; 2]) {
        for channel in 0..self.channels {
            for row in rows[0]..rows[1] {
                let start = (channel * self.height + row) * self.width;
                let part = start + columns[0]..start + columns[1];
                values[part.clone()].copy_from_slice(&from[part]);
            }
        }
    }

    /// A vector.
    pub fn vector(channels: usize) -> Self {
        Self { channels, height: 1, width: 1 }
    }

    /// Number of values.
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// True for a shape without values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// True for a single cell.
    pub fn is_vector(self) -> bool {
        self.height == 1 && self.width == 1
    }

    /// Side lengths, channels first.
    pub fn sides(self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Of these sides, if they are none of them 0 and not too many values altogether.
    pub fn checked([channels, height, width]: [usize; 3]) -> Option<Self> {
        let count = channels.checked_mul(height)?.checked_mul(width)?;
        (1..=MOST_VALUES).contains(&count).then_some(Self { channels, height, width })
    }
}

/// Height × width × channels, as Keras prints it.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// The shape that comes out, where inputs of these shapes go in. `given`: the shape that a reader wants, for operations that
/// do not tell it (`channels` of a convolution or a dense layer; all of transposed convolution, resizing, rearranging and
/// constants).
///
/// # Errors
/// In words, why nothing can come out.
pub fn output_shape(op: &Op, inputs: &[Shape], given: Option<Shape>) -> Result<Shape, String> {
    let first = inputs.first().copied();
    let one = || first.ok_or_else(|| "it has no input".to_string());
    let told = || given.ok_or_else(|| "its shape is not known".to_string());
    let sides = match op {
        Op::Input | Op::Constant => told()?.sides(),
        Op::Conv(window, _) | Op::SeparableConv(window) => {
            let [height, width] = slide(window, one()?)?;
            [told()?.channels, height, width]
        }
        Op::MaxPool(window) | Op::AvgPool(window, _) => {
            let [height, width] = slide(window, one()?)?;
            [one()?.channels, height, width]
        }
        Op::ConvTranspose(..) | Op::Resize { .. } => told()?.sides(),
        Op::BatchNorm(_)
        | Op::Affine
        | Op::Normalize(..)
        | Op::LocalResponse(..)
        | Op::Activation
        | Op::Prelu
        | Op::Softmax(_) => one()?.sides(),
        Op::GlobalPool(_) => [one()?.channels, 1, 1],
        Op::Concat(axis) => {
            let mut sides = one()?.sides();
            for other in &inputs[1..] {
                for (place, side) in sides.iter_mut().enumerate() {
                    if place == axis.place() {
                        *side = side.saturating_add(other.sides()[place]);
                    } else if *side != other.sides()[place] {
                        return Err(format!("it joins {} and {}, which do not fit", one()?, other));
                    }
                }
            }
            sides
        }
        Op::Arithmetic(_) => {
            let mut sides = one()?.sides();
            for other in &inputs[1..] {
                sides = broadcast(sides, other.sides())
                    .ok_or_else(|| format!("it combines {} and {}, which do not fit", inputs[0], other))?;
            }
            sides
        }
        Op::WithConstant(..) => match given {
            Some(constant) => broadcast(one()?.sides(), constant.sides())
                .ok_or_else(|| format!("it combines {} and {constant}, which do not fit", inputs[0]))?,
            None => one()?.sides(),
        },
        Op::Dense => [told()?.channels, one()?.height, one()?.width],
        Op::MatMul => match inputs {
            [a, b]
                if a.width == b.height
                    && (a.channels == b.channels || a.channels == 1 || b.channels == 1) =>
            {
                [a.channels.max(b.channels), a.height, b.width]
            }
            _ => return Err("it multiplies matrices that do not fit".into()),
        },
        Op::Reduce(_, axes) => {
            let sides = one()?.sides();
            [0, 1, 2].map(|place| if axes[place] { 1 } else { sides[place] })
        }
        Op::Pad(before, after, _) => {
            let [channels, height, width] = one()?.sides();
            let grown =
                |axis: usize, side: usize| side.saturating_add(before[axis]).saturating_add(after[axis]);
            [channels, grown(0, height), grown(1, width)]
        }
        Op::Slice(axis, start, step, count) => {
            let mut sides = one()?.sides();
            let last = count.checked_sub(1).and_then(|n| n.checked_mul(*step)?.checked_add(*start));
            if last.is_none_or(|last| last >= sides[axis.place()]) {
                return Err(format!("it cuts out what is not in {}", one()?));
            }
            sides[axis.place()] = *count;
            sides
        }
        Op::Rearrange(steps) => {
            let count = one()?.len();
            let fits = |sides: &[usize]| {
                sides.iter().try_fold(1usize, |n, &side| n.checked_mul(side)) == Some(count)
            };
            let is_order = |order: &[usize]| {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                sorted.into_iter().eq(0..order.len())
            };
            let ok = steps.iter().all(|step| {
                fits(&step.sides)
                    && step.order.len() == step.sides.len()
                    && is_order(&step.order)
                    && step.merged().sides.len() <= MOST_AXES
            });
            if !ok || told()?.len() != count {
                return Err(format!("it makes another number of values of {}", one()?));
            }
            told()?.sides()
        }
    };
    Shape::checked(sides).ok_or_else(|| {
        let [channels, height, width] = sides;
        format!("its output would be {height}×{width}×{channels}")
    })
}

/// Sides of both, those of length 1 repeated.
pub fn broadcast(a: [usize; 3], b: [usize; 3]) -> Option<[usize; 3]> {
    let mut sides = a;
    for place in 0..3 {
        sides[place] = match (a[place], b[place]) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            _ => return None,
        };
    }
    Some(sides)
}

fn slide(window: &Window, input: Shape) -> Result<[usize; 2], String> {
    if window.kernel.contains(&0) || window.stride.contains(&0) || window.dilation.contains(&0) {
        return Err("its window has no size or no step".into());
    }
    let places = |axis: usize, length: usize| {
        window.places(axis, length).ok_or_else(|| {
            let [height, width] = window.kernel;
            format!(
                "its window of {height}×{width} is larger than its input of {}×{}",
                input.height, input.width
            )
        })
    };
    Ok([places(0, input.height)?, places(1, input.width)?])
}

impl Shape {
    /// Length along an axis.
    pub fn side(self, axis: Axis) -> usize {
        self.sides()[axis.place()]
    }
}
