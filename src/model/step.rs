//! Values in another order or shape.

/// A step of [`super::Op::Rearrange`]: the values, taken as of these side lengths, with their axes in another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Side lengths, outermost first.
    pub sides: Vec<usize>,
    /// The new axes by their old places, as of NumPy's `transpose`.
    pub order: Vec<usize>,
}

/// Most axes of a [`Step`] that has been merged.
pub const MOST_AXES: usize = 6;

impl Step {
    /// The same with axes of length 1 left out, and axes that stay side by side taken together.
    pub fn merged(&self) -> Self {
        // Old places in their new order, without those of length 1.
        let kept: Vec<usize> = self.order.iter().copied().filter(|&axis| self.sides[axis] != 1).collect();
        let place: Vec<usize> = (0..self.sides.len()).filter(|&axis| self.sides[axis] != 1).collect();
        let rank_of = |axis: usize| place.iter().position(|&other| other == axis).unwrap_or(0);
        let mut runs: Vec<(usize, usize)> = vec![];
        for axis in kept.into_iter().map(rank_of) {
            match runs.last_mut() {
                Some((first, length)) if *first + *length == axis => *length += 1,
                _ => runs.push((axis, 1)),
            }
        }
        let mut firsts: Vec<_> = runs.clone();
        firsts.sort_unstable();
        let side = |&(first, length): &(usize, usize)| {
            place[first..first + length].iter().map(|&axis| self.sides[axis]).product()
        };
        let order = runs.iter().map(|run| firsts.iter().position(|other| other == run).unwrap_or(0));
        Self { sides: firsts.iter().map(side).collect(), order: order.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_stay_together_are_one() {
        // A channel shuffle: only the two groups change places.
        let step = Step { sides: vec![1, 2, 3, 4, 5], order: vec![0, 2, 1, 3, 4] };
        assert_eq!(step.merged(), Step { sides: vec![2, 3, 20], order: vec![1, 0, 2] });
        let same = Step { sides: vec![2, 1, 3], order: vec![0, 1, 2] };
        assert_eq!(same.merged(), Step { sides: vec![6], order: vec![0] });
    }
}
