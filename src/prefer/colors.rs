//! Colours as they vary in photographs, independent of each other.

/// Eigenvectors (columns) and eigenvalues of the covariance of red, green and blue (from 0 to 1) over ImageNet's training
/// pictures: what Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
/// change the light of pictures by, in the numbers of Facebook's ResNet training code.
const VECTORS: [[f32; 3]; 3] =
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]];
const VALUES: [f32; 3] = [0.2175, 0.0188, 0.0045];

/// Mean red, green and blue of ImageNet's training pictures.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];

/// Parts of red, green and blue in brightness: luma of Rec. ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Turns planes whose values vary independently, each with deviation 1, into colours that vary like those of photographs.
pub struct Colors {
    /// A row for each colour.
    matrix: Vec<[f32; 3]>,
    mean: Vec<f32>,
}

impl Colors {
    /// For pictures of three colours, or of brightness alone.
    pub fn new(count: usize) -> Self {
        let matrix = VECTORS.map(|row| [0, 1, 2].map(|axis| row[axis] * VALUES[axis].sqrt()));
        if count == 3 {
            return Self { matrix: matrix.to_vec(), mean: MEAN.to_vec() };
        }
        let luma = |of: [f32; 3]| (0..3).map(|color| LUMA[color] * of[color]).sum::<f32>();
        let along = |axis: usize| luma([0, 1, 2].map(|color| matrix[color][axis]));
        let deviation = (0..3).map(|axis| along(axis).powi(2)).sum::<f32>().sqrt();
        Self { matrix: vec![[deviation, 0.0, 0.0]], mean: vec![luma(MEAN)] }
    }

    /// How many planes.
    pub fn count(&self) -> usize {
        self.mean.len()
    }

    /// Colours from 0 to 1 of planes one after the other. A sigmoid that is steepest, and as steep as a straight line, in the
    /// middle keeps them there.
    pub fn picture(&self, planes: &[f32]) -> Vec<f32> {
        let size = planes.len() / self.count().max(1);
        let mut picture = vec![0.0; planes.len()];
        for (color, out) in picture.chunks_exact_mut(size.max(1)).enumerate() {
            for (at, out) in out.iter_mut().enumerate() {
                let parts =
                    (0..self.count()).map(|plane| self.matrix[color][plane] * planes[plane * size + at]);
                *out = 1.0 / (1.0 + (-4.0 * (parts.sum::<f32>() + self.mean[color] - 0.5)).exp());
            }
        }
        picture
    }

    /// The gradient with respect to the planes, of that with respect to the colours of the picture that they gave.
    pub fn back(&self, picture: &[f32], gradient: &[f32]) -> Vec<f32> {
        let size = picture.len() / self.count().max(1);
        let mut planes = vec![0.0; picture.len()];
        for (plane, out) in planes.chunks_exact_mut(size.max(1)).enumerate() {
            for (at, out) in out.iter_mut().enumerate() {
                let part = |color: usize| {
                    let value = picture[color * size + at];
                    gradient[color * size + at] * 4.0 * value * (1.0 - value) * self.matrix[color][plane]
                };
                *out = (0..self.count()).map(part).sum();
            }
        }
        planes
    }
}
