//! Exporters take functions apart: x·sigmoid(x), GELU, layer normalisation. Here they are put together again, since people
//! look for the layer as the network's source has it.

use super::super::parameters::LayerWeights;
use super::import::Origin;
use super::layer::Layer;
use crate::model::{Activation, Arithmetic, Op, Over, Reduction};

/// Looks at layers by number.
struct Look<'a> {
    layers: &'a [Layer],
}

impl Look<'_> {
    fn is_near(a: f32, b: f32) -> bool {
        (a - b).abs() <= 1e-4 * b.abs().max(1.0)
    }

    fn input(&self, index: usize) -> Option<usize> {
        match self.layers[index].inputs.as_slice() {
            [input] => Some(*input),
            _ => None,
        }
    }

    /// The function of a layer that is nothing else, and its input.
    fn function(&self, index: usize) -> Option<(Activation, usize)> {
        let layer = &self.layers[index];
        (layer.op == Op::Activation).then_some((layer.activation, self.input(index)?))
    }

    /// Scale and shift of a layer that has the same for all channels, and its input.
    fn affine(&self, index: usize) -> Option<(f32, f32, usize)> {
        let Some(LayerWeights::Affine { scale, shift }) = &self.layers[index].weights else { return None };
        let same = |values: &[f32]| {
            let first = values.first().copied()?;
            values.iter().all(|value| *value == first).then_some(first)
        };
        (self.layers[index].op == Op::Affine).then_some((same(scale)?, same(shift)?, self.input(index)?))
    }

    fn is_affine(&self, index: usize, scale: f32, shift: f32) -> Option<usize> {
        let (own, own_shift, input) = self.affine(index)?;
        (Self::is_near(own, scale) && Self::is_near(own_shift, shift)).then_some(input)
    }

    /// Both orders of a product's factors.
    fn factors(&self, index: usize) -> Vec<(usize, usize)> {
        match (&self.layers[index].op, self.layers[index].inputs.as_slice()) {
            (Op::Arithmetic(Arithmetic::Mul), &[a, b]) => vec![(a, b), (b, a)],
            _ => vec![],
        }
    }

    /// The x of scale·(erf(x/√2) + 1).
    fn normal(&self, index: usize, scale: f32) -> Option<usize> {
        let inner = self.is_affine(index, scale, scale)?;
        let Some((Activation::Erf, inner)) = self.function(inner) else { return None };
        self.is_affine(inner, std::f32::consts::FRAC_1_SQRT_2, 0.0)
    }

    /// The x of min(max(x + 3, 0), 6).
    fn ramp(&self, index: usize) -> Option<usize> {
        match self.function(index)? {
            (Activation::Clip(low, high), inner) if low == 0.0 && high == 6.0 => {
                self.is_affine(inner, 1.0, 3.0)
            }
            _ => None,
        }
    }

    /// x·(what a factor makes of it).
    fn product(&self, index: usize, factor: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        self.factors(index).into_iter().find(|&(x, other)| factor(other) == Some(x)).map(|(x, _)| x)
    }

    /// The function that ends in a layer, and its input.
    fn whole_function(&self, index: usize) -> Option<(Activation, usize)> {
        let sixth = 1.0 / 6.0;
        let is = |wanted: fn(Activation) -> bool| {
            move |other: usize| {
                self.function(other).filter(|(activation, _)| wanted(*activation)).map(|(_, x)| x)
            }
        };
        if let Some(x) = self.product(index, is(|activation| activation == Activation::Sigmoid)) {
            return Some((Activation::Silu, x));
        }
        let is_sixth = |activation: Activation| match activation {
            Activation::HardSigmoid(scale, shift) => Self::is_near(scale, 1.0 / 6.0) && shift == 0.5,
            _ => false,
        };
        if let Some(x) = self.product(index, is(is_sixth)) {
            return Some((Activation::HardSwish, x));
        }
        let mish = |other: usize| match self
            .function(self.function(other).filter(|f| f.0 == Activation::Tanh)?.1)?
        {
            (Activation::Softplus, x) => Some(x),
            _ => None,
        };
        if let Some(x) = self.product(index, mish) {
            return Some((Activation::Mish, x));
        }
        if let Some(x) = self.product(index, |other| self.normal(other, 0.5)) {
            return Some((Activation::Gelu, x));
        }
        // (x/2)·(erf(x/√2) + 1)
        let halved = self.factors(index).into_iter().find_map(|(half, other)| {
            let x = self.is_affine(half, 0.5, 0.0)?;
            (self.normal(other, 1.0)? == x).then_some(x)
        });
        if let Some(x) = halved {
            return Some((Activation::Gelu, x));
        }
        if let Some(inner) = self.is_affine(index, 0.5, 0.0)
            && let Some(x) = self.product(inner, |other| self.normal(other, 1.0))
        {
            return Some((Activation::Gelu, x));
        }
        if let Some(inner) = self.is_affine(index, sixth, 0.0) {
            if let Some(x) = self.ramp(inner) {
                return Some((Activation::HardSigmoid(sixth, 0.5), x));
            }
            if let Some(x) = self.product(inner, |other| self.ramp(other)) {
                return Some((Activation::HardSwish, x));
            }
        }
        None
    }
}

impl Look<'_> {
    /// x·k − mean·k with k = 1/√(variance + ε), as TensorFlow writes it, with a scale in k and a shift at the end.
    fn layer_norm_of_moments(&self, index: usize) -> Option<(usize, f64, Vec<f32>, Vec<f32>)> {
        let channels = self.layers[index].shape.channels;
        let (Op::Arithmetic(Arithmetic::Add), &[a, b]) =
            (&self.layers[index].op, self.layers[index].inputs.as_slice())
        else {
            return None;
        };
        [(a, b), (b, a)].into_iter().find_map(|(scaled, shifted)| {
            // What is added to the scaled value: −mean·k, and maybe a shift.
            let (shift, product) = match &self.layers[shifted].weights {
                Some(LayerWeights::Affine { scale, shift }) if scale.iter().all(|scale| *scale == 1.0) => {
                    (shift.clone(), self.input(shifted)?)
                }
                _ => (vec![0.0; channels], shifted),
            };
            let (mean, factor, x) = self.factors(product).into_iter().find_map(|(negative, factor)| {
                let Some((Activation::Neg, mean)) = self.function(negative) else { return None };
                let (x, _) = self.factors(scaled).into_iter().find(|&(_, other)| other == factor)?;
                Some((mean, factor, x))
            })?;
            let (scale, root) = match (&self.layers[factor].op, &self.layers[factor].weights) {
                (Op::WithConstant(Arithmetic::Mul, _), Some(LayerWeights::Constant { shape, values }))
                    if shape.is_vector() && values.len() == channels =>
                {
                    (values.clone(), self.input(factor)?)
                }
                _ => (vec![1.0; channels], factor),
            };
            let Some((Activation::Reciprocal, root)) = self.function(root) else { return None };
            let (epsilon, variance) = self.deviation(root)?;
            let centred = self.squared(self.mean_of_channels(variance)?)?;
            (self.centred(centred)? == (x, mean)
                && self.mean_of_channels(mean)? == x
                && shift.len() == channels)
                .then_some((x, epsilon, scale, shift))
        })
    }

    fn mean_of_channels(&self, index: usize) -> Option<usize> {
        let is_mean = self.layers[index].op == Op::Reduce(Reduction::Mean, [true, false, false]);
        if is_mean { self.input(index) } else { None }
    }

    /// The x of x².
    fn squared(&self, index: usize) -> Option<usize> {
        match (self.function(index), self.layers[index].inputs.as_slice()) {
            (Some((Activation::Power(2.0), base)), _) => Some(base),
            (_, &[a, b]) if a == b && self.layers[index].op == Op::Arithmetic(Arithmetic::Mul) => Some(a),
            _ => None,
        }
    }

    /// Both sides of a difference.
    fn centred(&self, index: usize) -> Option<(usize, usize)> {
        match (&self.layers[index].op, self.layers[index].inputs.as_slice()) {
            (Op::Arithmetic(Arithmetic::Sub), &[a, b]) => Some((a, b)),
            _ => None,
        }
    }

    /// Epsilon and variance of √(variance + ε).
    fn deviation(&self, index: usize) -> Option<(f64, usize)> {
        let Some((Activation::Sqrt, sum)) = self.function(index) else { return None };
        let (scale, epsilon, variance) = self.affine(sum)?;
        (scale == 1.0 && epsilon < 0.1).then_some((f64::from(epsilon), variance))
    }

    /// Input and epsilon of (x − mean)/√(variance + ε) over the channels.
    fn layer_norm(&self, index: usize) -> Option<(usize, f64)> {
        let (Op::Arithmetic(Arithmetic::Div), &[difference, deviation]) =
            (&self.layers[index].op, self.layers[index].inputs.as_slice())
        else {
            return None;
        };
        let (x, mean) = self.centred(difference)?;
        let (epsilon, variance) = self.deviation(deviation)?;
        let is_same = self.squared(self.mean_of_channels(variance)?)? == difference;
        (is_same && self.mean_of_channels(mean)? == x).then_some((x, epsilon))
    }
}

/// Puts functions together again, and shifts into the layers before them.
pub(super) fn join(layers: &mut [Layer], origins: &[Origin], outputs: &[usize], needed: &[bool]) {
    let mut readers = vec![0usize; layers.len()];
    for (layer, _) in layers.iter().zip(needed).filter(|(_, needed)| **needed) {
        layer.inputs.iter().for_each(|&input| readers[input] += 1);
    }
    outputs.iter().for_each(|&output| readers[output] += 1);
    for index in (1..layers.len()).filter(|&index| needed[index]) {
        let look = Look { layers };
        if let Some((activation, x)) = look.whole_function(index) {
            let layer = &mut layers[index];
            (layer.op, layer.activation, layer.inputs, layer.weights) =
                (Op::Activation, activation, vec![x], None);
        } else if let Some((x, epsilon)) = look.layer_norm(index) {
            let channels = layers[index].shape.channels;
            let weights = LayerWeights::Affine { scale: vec![1.0; channels], shift: vec![0.0; channels] };
            let layer = &mut layers[index];
            (layer.op, layer.inputs) = (Op::Normalize(Over::Channels, epsilon), vec![x]);
            layer.weights = Some(weights);
        } else if let Some((x, epsilon, scale, shift)) = look.layer_norm_of_moments(index) {
            let layer = &mut layers[index];
            (layer.op, layer.inputs) = (Op::Normalize(Over::Channels, epsilon), vec![x]);
            layer.weights = Some(LayerWeights::Affine { scale, shift });
        } else if let Some(before) = look.input(index).filter(|&before| readers[before] == 1) {
            shift(layers, origins, before, index);
        }
    }
}

/// Makes a scale and a shift the bias of the convolution or dense layer before it, or those of a normalisation that has
/// none; and one of both of those that exporters make of batch normalisation: −, ·, +.
fn shift(layers: &mut [Layer], origins: &[Origin], before: usize, index: usize) {
    let (Op::Affine, Some(LayerWeights::Affine { scale, shift })) =
        (&layers[index].op, &layers[index].weights)
    else {
        return;
    };
    let op = |layer: &Layer| origins.get(layer.origin).map_or("", |origin| origin.op.as_str());
    let (own_op, earlier_op) = (op(&layers[index]), op(&layers[before]));
    let is_shift = own_op == "Add" && scale.iter().all(|scale| *scale == 1.0);
    let follows = matches!((earlier_op, own_op), ("Sub", "Mul" | "Div") | ("Mul" | "Div", "Add"));
    let (scale, shift) = (scale.clone(), shift.clone());
    let earlier = &mut layers[before];
    if earlier.activation != Activation::Linear {
        return;
    }
    let joined = match (&earlier.op, &mut earlier.weights) {
        (Op::Conv(..) | Op::ConvTranspose(..), Some(LayerWeights::Conv { bias: bias @ None, .. }))
            if is_shift =>
        {
            *bias = Some(shift);
            true
        }
        (Op::Dense, Some(LayerWeights::Dense { bias, .. }))
            if is_shift && bias.iter().all(|bias| *bias == 0.0) =>
        {
            *bias = shift;
            true
        }
        (Op::Normalize(..), Some(LayerWeights::Affine { scale: own, shift: own_shift }))
            if own_shift.iter().all(|shift| *shift == 0.0)
                && (is_shift || own.iter().all(|scale| *scale == 1.0)) =>
        {
            own.iter_mut().zip(&scale).for_each(|(own, scale)| *own *= scale);
            *own_shift = shift;
            true
        }
        (Op::Affine, Some(LayerWeights::Affine { scale: own, shift: own_shift })) if follows => {
            for (((own, own_shift), scale), shift) in own.iter_mut().zip(own_shift).zip(&scale).zip(&shift) {
                (*own, *own_shift) = (*own * scale, *own_shift * scale + shift);
            }
            let weights = layers[before].weights.take();
            layers[index] = Layer { weights, inputs: layers[before].inputs.clone(), ..layers[index].clone() };
            return;
        }
        _ => false,
    };
    if joined {
        let weights = layers[before].weights.take();
        let value = layers[index].value.take();
        layers[index] = Layer { weights, value, ..layers[before].clone() };
    }
}
