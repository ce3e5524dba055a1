//! The points to multiply at, and what they make of filters, inputs and products.

/// Points to multiply at, besides infinity. How far values are rounded depends on them more than on their number
/// (B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks",
/// 2020): these are the nearest plain fractions to those with the least expected rounding, which were searched for. With
/// ±1/2, ±1, ±3/2 and ±5/2 seven taps would round twice as much.
fn points(count: usize) -> &'static [f32] {
    match count {
        7 => &[0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0],
        9 => &[0.0, 0.4375, -0.4375, 0.8125, -0.8125, 1.25, -1.25, 2.25, -2.25],
        _ => unreachable!("no window has {count} points besides infinity"),
    }
}

/// What computes `rows` outputs of a filter of `taps` values from `points` products, `points` = rows + taps − 1.
pub struct Transforms {
    /// `[points][taps]`
    pub of_filter: Vec<f64>,
    /// `[points][points]`: of as many inputs as there are points.
    pub of_input: Vec<f64>,
    /// `[rows][points]`
    pub to_output: Vec<f64>,
}

impl Transforms {
    pub fn new(rows: usize, taps: usize) -> Self {
        let count = rows + taps - 1;
        let points: Vec<_> = points(count - 1).iter().map(|at| Some(f64::from(*at))).chain([None]).collect();
        // At infinity only the highest power counts.
        let power = |at: &Option<f64>, power: usize, count: usize| match at {
            Some(at) => at.powi(power as i32),
            None => f64::from(power + 1 == count),
        };
        let (mut of_filter, mut of_input) = (vec![], vec![]);
        for at in &points {
            let others: Vec<f64> = points.iter().filter(|other| *other != at).copied().flatten().collect();
            let scale: f64 = at.map_or(1.0, |at| others.iter().map(|other| at - other).product());
            of_filter.extend((0..taps).map(|tap| power(at, tap, taps) / scale));
            // The polynomial that is zero at all other points, lowest power first.
            let mut polynomial = vec![1.0];
            for other in others {
                polynomial.insert(0, 0.0);
                for power in 1..polynomial.len() {
                    polynomial[power - 1] -= other * polynomial[power];
                }
            }
            polynomial.resize(count, 0.0);
            of_input.extend(polynomial);
        }
        let to_output = (0..rows).flat_map(|row| points.iter().map(move |at| power(at, row, rows))).collect();
        Self { of_filter, of_input, to_output }
    }
}
