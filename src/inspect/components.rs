//! A layer as one colour picture: the three directions in which its cells' vectors differ most, their principal components
//! (Pearson, "On lines and planes of closest fit to systems of points in space", 1901; Hotelling, 1933). Pure, any thread; sums
//! are in f64.

mod eigen;

use rayon::prelude::*;

use self::eigen::dot;
use super::LayerOutput;

/// How many directions there are: red, green and blue.
pub const COUNT: usize = 3;

/// Cells that are multiplied at a time, so that their copies in f64 stay small.
const BLOCK: usize = 1024;

/// Most channels whose cells can be added up over pictures: `channels²` values in f64.
pub const MOST_CHANNELS: usize = 4096;

/// So many standard deviations of the cells that a basis is made of lie between the mean and a colour's end.
pub const REACH: f32 = 2.5;

/// Directions in which cells differ, the strongest first: a basis that colours mean the same by, frame after frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    /// The cells' mean: one value a channel.
    pub mean: Vec<f32>,
    /// [`COUNT`] directions of length 1 at right angles to each other, one after the other: one value a channel each. The entry
    /// farthest from zero is positive, so that colours can be made again. Zeros where cells do not differ in so many directions.
    pub directions: Vec<f32>,
    /// Variance of the cells along each (over the number of cells less one).
    pub variance: [f32; COUNT],
    /// The same in parts of the whole variance, from 0 to 1.
    pub explained: [f32; COUNT],
}

impl Components {
    /// Of the cells of one picture; those with a value that is not finite are left out. `None` where there is no other.
    pub fn of(output: &LayerOutput) -> Option<Self> {
        let (channels, cells) = (output.shape.channels, finite_cells(output));
        if cells.len() >= channels {
            let mut sum = CellSum::new(channels);
            sum.observe(output);
            return sum.components();
        }
        // Fewer cells than channels: the matrix of the cells' products has the same eigenvalues, and is smaller.
        let mean = mean_of(output, &cells)?;
        let centred =
            |cell: usize| mean.iter().enumerate().map(move |(c, mean)| value(output, c, cell) - mean);
        let rows: Vec<f64> = cells.iter().flat_map(|&cell| centred(cell)).collect();
        let products = products(&rows, channels);
        let found = eigen::strongest(&products, cells.len(), COUNT).into_iter().map(|(strength, parts)| {
            let mut direction = vec![0.0; channels];
            for (row, part) in rows.chunks_exact(channels).zip(parts) {
                direction.iter_mut().zip(row).for_each(|(sum, value)| *sum += part * value);
            }
            let length = dot(&direction, &direction).sqrt();
            direction.iter_mut().for_each(|value| *value /= length);
            (strength, direction)
        });
        let trace = (0..cells.len()).map(|i| products[i * cells.len() + i]).sum();
        Some(Self::new(&mean, found.collect(), trace, cells.len() as u64))
    }

    fn new(mean: &[f64], found: Vec<(f64, Vec<f64>)>, trace: f64, cells: u64) -> Self {
        let channels = mean.len();
        let freedom = cells.saturating_sub(1).max(1) as f64;
        let mut components = Self {
            mean: mean.iter().map(|value| *value as f32).collect(),
            directions: vec![0.0; COUNT * channels],
            variance: [0.0; COUNT],
            explained: [0.0; COUNT],
        };
        for (place, (strength, direction)) in found.into_iter().enumerate() {
            let farthest =
                direction.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            let own = &mut components.directions[place * channels..][..channels];
            own.iter_mut().zip(&direction).for_each(|(to, from)| *to = (from * farthest.signum()) as f32);
            components.variance[place] = (strength / freedom) as f32;
            components.explained[place] = (strength / trace) as f32;
        }
        components
    }

    /// How many channels the cells have.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// One direction: one value a channel.
    pub fn direction(&self, place: usize) -> &[f32] {
        &self.directions[place * self.channels()..][..self.channels()]
    }

    /// In how many directions the cells differ, up to [`COUNT`].
    pub fn count(&self) -> usize {
        self.variance.iter().filter(|variance| **variance > 0.0).count()
    }

    /// The values along each direction that are no red, green or blue, and full colour; zero, the mean, lies in the middle.
    pub fn ends(&self) -> [[f32; COUNT]; 2] {
        // A direction that there is none of has zeros alone, which stay in the middle.
        let reach = self.variance.map(|variance| if variance > 0.0 { REACH * variance.sqrt() } else { 1.0 });
        [reach.map(|end| -end), reach]
    }

    /// Where the cells of a picture lie along each direction: [`COUNT`] planes of `height × width` values.
    /// Twin of components.wgsl.
    pub fn project(&self, output: &LayerOutput) -> Vec<f32> {
        let cells = output.shape.height * output.shape.width;
        let along = |place: usize| -> Vec<f64> {
            let mut sums = vec![0.0; cells];
            for (channel, (&part, &mean)) in self.direction(place).iter().zip(&self.mean).enumerate() {
                let values = output.channel(channel).iter();
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, &value)| *sum += f64::from(part) * f64::from(value - mean));
            }
            sums
        };
        let planes: Vec<_> = (0..COUNT).into_par_iter().map(along).collect();
        planes.into_iter().flatten().map(|value| value as f32).collect()
    }
}

/// The cells of several pictures, added up.
#[derive(Clone, Debug)]
pub struct CellSum {
    cells: u64,
    mean: Vec<f64>,
    /// Sums of products of what cells are off the mean: `channels × channels`.
    scatter: Vec<f64>,
}

impl CellSum {
    /// For a layer with so many channels, at most [`MOST_CHANNELS`] where memory matters.
    pub fn new(channels: usize) -> Self {
        Self { cells: 0, mean: vec![0.0; channels], scatter: vec![0.0; channels * channels] }
    }

    /// Adds the cells of a picture; those with a value that is not finite are left out.
    pub fn observe(&mut self, output: &LayerOutput) {
        debug_assert_eq!(output.shape.channels, self.mean.len());
        let (channels, cells) = (self.mean.len(), finite_cells(output));
        let Some(mean) = mean_of(output, &cells) else { return };
        for block in cells.chunks(BLOCK) {
            let centred = |channel: usize| {
                let mean = mean[channel];
                block.iter().map(move |&cell| value(output, channel, cell) - mean)
            };
            let rows: Vec<f64> = (0..channels).flat_map(centred).collect();
            let products = products(&rows, block.len());
            self.scatter.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        // Two groups of cells have what each has about its own mean, and what the means are apart.
        let (own, new) = (self.cells as f64, cells.len() as f64);
        let apart: Vec<f64> = mean.iter().zip(&self.mean).map(|(new, old)| new - old).collect();
        let weight = own * new / (own + new);
        for (row, &one) in self.scatter.chunks_exact_mut(channels).zip(&apart) {
            row.iter_mut().zip(&apart).for_each(|(sum, other)| *sum += weight * one * other);
        }
        self.mean.iter_mut().zip(&apart).for_each(|(mean, apart)| *mean += apart * new / (own + new));
        self.cells += cells.len() as u64;
    }

    /// How many cells there were.
    pub fn cells(&self) -> u64 {
        self.cells
    }

    /// Their directions; `None` without a cell.
    pub fn components(&self) -> Option<Components> {
        let channels = self.mean.len();
        let trace = (0..channels).map(|i| self.scatter[i * channels + i]).sum();
        let found = eigen::strongest(&self.scatter, channels, COUNT);
        (self.cells > 0).then(|| Components::new(&self.mean, found, trace, self.cells))
    }
}

fn value(output: &LayerOutput, channel: usize, cell: usize) -> f64 {
    f64::from(output.values[channel * output.shape.height * output.shape.width + cell])
}

/// Cells all of whose values are finite.
fn finite_cells(output: &LayerOutput) -> Vec<usize> {
    let cells = output.shape.height * output.shape.width;
    let mut finite = vec![true; cells];
    for channel in output.values.chunks_exact(cells.max(1)) {
        finite.iter_mut().zip(channel).for_each(|(is, value)| *is &= value.is_finite());
    }
    (0..cells).filter(|&cell| finite[cell]).collect()
}

/// One mean a channel; `None` without a cell.
fn mean_of(output: &LayerOutput, cells: &[usize]) -> Option<Vec<f64>> {
    let mean =
        |channel| cells.iter().map(|&cell| value(output, channel, cell)).sum::<f64>() / cells.len() as f64;
    (!cells.is_empty()).then(|| (0..output.shape.channels).map(mean).collect())
}

/// Of rows of `length` values the products of each with each: `rows × rows`.
fn products(rows: &[f64], length: usize) -> Vec<f64> {
    if length == 0 {
        return vec![];
    }
    let count = rows.len() / length;
    let row = |i: usize| &rows[i * length..][..length];
    let below = (0..count).into_par_iter().map(|i| (0..=i).map(|j| dot(row(i), row(j))).collect::<Vec<_>>());
    let below: Vec<Vec<f64>> = below.collect();
    let entry = |i: usize, j: usize| below[i.max(j)][i.min(j)];
    (0..count * count).map(|at| entry(at / count, at % count)).collect()
}

#[cfg(test)]
mod tests;
