//! Sliding windows: kernel, step, padding and gaps.

/// A sliding window: everything is `[vertical, horizontal]`, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the window, in places that are read.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Cells added above and to the left.
    pub padding: [usize; 2],
    /// Cells added below and to the right.
    pub padding_after: [usize; 2],
    /// Steps between the places of one window.
    pub dilation: [usize; 2],
}

impl Window {
    /// A window with the same padding on both sides.
    pub fn new(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Self {
        Self { kernel, stride, padding, padding_after: padding, dilation: [1, 1] }
    }

    /// How far the window reaches along an axis, gaps between its places included.
    pub fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis].saturating_sub(1)).saturating_mul(self.dilation[axis]).saturating_add(1)
    }

    /// Number of its places along an axis of this length; `None` where it does not fit in.
    pub fn places(&self, axis: usize, length: usize) -> Option<usize> {
        let padded = length.checked_add(self.padding[axis])?.checked_add(self.padding_after[axis])?;
        Some(padded.checked_sub(self.extent(axis))? / self.stride[axis].max(1) + 1)
    }

    /// The padding of TensorFlow's and Keras' `same`: so much that there is one place for each step, the odd cell behind.
    pub fn same(kernel: [usize; 2], stride: [usize; 2], dilation: [usize; 2], input: [usize; 2]) -> Self {
        let mut window = Self { dilation, ..Self::new(kernel, stride, [0, 0]) };
        for axis in 0..2 {
            let stride = stride[axis].max(1);
            let steps = input[axis].div_ceil(stride).max(1);
            let needed =
                ((steps - 1) * stride).saturating_add(window.extent(axis)).saturating_sub(input[axis]);
            (window.padding[axis], window.padding_after[axis]) = (needed / 2, needed - needed / 2);
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_keras() {
        let same = |input, kernel, stride| {
            let window = Window::same([kernel; 2], [stride; 2], [1, 1], [input; 2]);
            (window.padding[0], window.padding_after[0], window.places(0, input))
        };
        assert_eq!(same(8, 3, 2), (0, 1, Some(4)));
        assert_eq!(same(7, 3, 2), (1, 1, Some(4)));
        assert_eq!(same(5, 2, 1), (0, 1, Some(5)));
        assert_eq!(same(4, 1, 2), (0, 0, Some(2)));
    }
}
