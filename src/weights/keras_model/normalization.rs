//! Normalisations, and scales that a model puts on its input.

use super::assembly::Assembly;
use super::config::{Array, Fields};
use super::values::{Site, Stop, Value, Wanted};
use super::variable_names::variable_names;
use crate::model::{Activation, Arithmetic, Axis, Op, Over, Reduction};
use crate::weights::parameters::LayerWeights;

impl Assembly<'_, '_, '_> {
    pub fn batch_norm(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let axis = single_axis(&fields)?;
        let epsilon = fields.number("epsilon")?.unwrap_or(1e-3);
        if fields.get("mode").is_some_and(|mode| mode.as_i64() != Some(0)) {
            return Err(Stop::Unknown("normalises otherwise than with stored statistics".into()));
        }
        let (graph_axis, place) = self.place(site, input, axis)?;
        let count = input.sides[place];
        let order = variable_names(site.layer)?;
        let mut vector = |name: &str, default: f32| match order.contains(&name) {
            true => self.parameter(site.layer, &order, name, &[count]),
            false => Ok(vec![default; count]),
        };
        let (gamma, beta) = (vector("gamma", 1.0)?, vector("beta", 0.0)?);
        let (mean, variance) = (vector("moving_mean", 0.0)?, vector("moving_variance", 1.0)?);
        if graph_axis == Axis::Channel {
            let weights = Some(LayerWeights::BatchNorm { gamma, beta, mean, variance });
            return self.push(site, "", &[input], Wanted { weights, ..Wanted::new(Op::BatchNorm(epsilon)) });
        }
        let scale: Vec<f32> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| (f64::from(*gamma) / (f64::from(*variance) + epsilon).sqrt()) as f32)
            .collect();
        let shift: Vec<f32> =
            beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
        self.scaled(site, input, &along(input, place, scale), &along(input, place, shift))
    }

    /// An axis of Keras: of the graph, and its place among the sides.
    fn place(&self, site: &Site<'_, '_>, input: &Value, axis: i64) -> Result<(Axis, usize), Stop> {
        let rank = input.sides.len() as i64;
        let place = usize::try_from(if axis < 0 { axis + rank } else { axis - 1 });
        match (self.axis(input, axis), place) {
            (Some(axis), Ok(place)) => Ok((axis, place)),
            // The last axis of whatever has more than three.
            (None, Ok(place)) if place + 1 == input.sides.len() => Ok((Axis::Channel, place)),
            _ => Err(Stop::Unknown(format!(
                "works along axis {axis} of {:?} ({})",
                input.sides, site.layer.class
            ))),
        }
    }

    /// Times one constant, plus another; as one node where both are of channels.
    fn scaled(
        &mut self,
        site: &Site<'_, '_>,
        input: &Value,
        scale: &Array,
        shift: &Array,
    ) -> Result<Value, Stop> {
        let channels = self.builder.shape(input.node).channels;
        let is_last = self.last_is_channels(input);
        let of_channels = |array: &Array| match (array.values.len(), array.sides.last()) {
            (1, _) => Some(vec![array.values[0]; channels]),
            (count, Some(&last)) if is_last && count == channels && last == count => {
                Some(array.values.clone())
            }
            (count, _) if !is_last && count == channels && array.sides.len() >= 3 => {
                let place = array.sides.len() - 3;
                (array.sides[place] == count).then(|| array.values.clone())
            }
            _ => None,
        };
        if let (Some(scale), Some(shift)) = (of_channels(scale), of_channels(shift)) {
            let weights = Some(LayerWeights::Affine { scale, shift });
            return self.push(site, "", &[input], Wanted { weights, ..Wanted::new(Op::Affine) });
        }
        let product = self.with_constant(site, "scale", input, (Arithmetic::Mul, false), scale)?;
        self.with_constant(site, "", &product, (Arithmetic::Add, false), shift)
    }

    pub fn layer_norm(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        if fields.flag("rms_scaling")?.unwrap_or(false) {
            return Err(Stop::Unknown("normalises without a mean".into()));
        }
        let epsilon = fields.number("epsilon")?.unwrap_or(1e-3);
        let rank = input.sides.len();
        let mut places = Vec::new();
        for axis in fields.integers("axis")?.unwrap_or_else(|| vec![-1]) {
            let place = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis - 1 });
            places.push(place.ok().filter(|&place| place < rank).ok_or_else(|| fields.wrong("axis"))?);
        }
        places.sort_unstable();
        places.dedup();
        let channels = self.builder.shape(input.node).channels;
        let last = if self.last_is_channels(input) { rank - 1 } else { 0 };
        let over = match places[..] {
            [place] if place == last => Over::Channels,
            _ if places.len() == rank => Over::All,
            _ if places.len() == rank - 1 && !places.contains(&last) => Over::Groups(channels),
            _ => return Err(Stop::Unknown(format!("normalises over some axes of {:?}", input.sides))),
        };
        let order = variable_names(site.layer)?;
        let sides: Vec<usize> = places.iter().map(|&place| input.sides[place]).collect();
        let mut values = |name: &str| -> Result<Option<Vec<f32>>, Stop> {
            let has = order.contains(&name);
            Ok(has.then(|| self.parameter(site.layer, &order, name, &sides)).transpose()?)
        };
        let (gamma, beta) = (values("gamma")?, values("beta")?);
        let unit = (vec![1.0; channels], vec![0.0; channels]);
        if over == Over::Channels || (gamma.is_none() && beta.is_none()) {
            let (scale, shift) = (gamma.unwrap_or(unit.0), beta.unwrap_or(unit.1));
            let weights = Some(LayerWeights::Affine { scale, shift });
            return self.push(
                site,
                "",
                &[input],
                Wanted { weights, ..Wanted::new(Op::Normalize(over, epsilon)) },
            );
        }
        // A scale for each place, not each channel, is a step of its own.
        let weights = Some(LayerWeights::Affine { scale: unit.0, shift: unit.1 });
        let mut value = self.push(
            site,
            "normalized",
            &[input],
            Wanted { weights, ..Wanted::new(Op::Normalize(over, epsilon)) },
        )?;
        let sides: Vec<usize> =
            (0..rank).map(|place| if places.contains(&place) { input.sides[place] } else { 1 }).collect();
        if let Some(values) = gamma {
            let part = if beta.is_some() { "scale" } else { "" };
            let scale = Array { sides: sides.clone(), values };
            value = self.with_constant(site, part, &value, (Arithmetic::Mul, false), &scale)?;
        }
        if let Some(values) = beta {
            value =
                self.with_constant(site, "", &value, (Arithmetic::Add, false), &Array { sides, values })?;
        }
        Ok(value)
    }

    pub fn group_norm(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let (axis, _) = self.place(site, input, single_axis(&fields)?)?;
        if axis != Axis::Channel {
            return Err(Stop::Unknown("normalises groups of another axis than the channels".into()));
        }
        let channels = self.builder.shape(input.node).channels;
        let groups = match fields.number("groups")?.unwrap_or(32.0) {
            -1.0 => channels,
            groups if groups >= 1.0 && groups.fract() == 0.0 => groups as usize,
            _ => return Err(Stop::Wrong(fields.wrong("groups"))),
        };
        if !channels.is_multiple_of(groups) {
            return Err(Stop::Wrong(fields.wrong("groups")));
        }
        let epsilon = fields.number("epsilon")?.unwrap_or(1e-3);
        let order = variable_names(site.layer)?;
        let mut vector = |name: &str, default: f32| match order.contains(&name) {
            true => self.parameter(site.layer, &order, name, &[channels]),
            false => Ok(vec![default; channels]),
        };
        let weights = LayerWeights::Affine { scale: vector("gamma", 1.0)?, shift: vector("beta", 0.0)? };
        let op = Op::Normalize(Over::Groups(groups), epsilon);
        self.push(site, "", &[input], Wanted { weights: Some(weights), ..Wanted::new(op) })
    }

    /// Each vector of channels over its own length.
    pub fn unit_norm(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let (axis, _) = self.place(site, input, single_axis(&fields)?)?;
        let axes = [Axis::Channel, Axis::Height, Axis::Width].map(|other| other == axis);
        let square =
            self.push(site, "square", &[input, input], Wanted::new(Op::Arithmetic(Arithmetic::Mul)))?;
        let sum = self.push(site, "sum", &[&square], Wanted::new(Op::Reduce(Reduction::Sum, axes)))?;
        // Keras takes at most 10¹² for one over the length.
        let least = Array::scalar(1e-24);
        let sum = self.with_constant(site, "least", &sum, (Arithmetic::Max, false), &least)?;
        let inverse = self.map(site, "inverse", &sum, Activation::Power(-0.5))?;
        self.arithmetic(site, &[input, &inverse], Arithmetic::Mul)
    }

    /// (x − mean) / deviation with constants that were learned before, or the other way round.
    pub fn normalization(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let rank = input.sides.len();
        let axes = match fields.get("axis") {
            // Null is all together, and nothing at all is the last.
            None if site.layer.config.contains_key("axis") => vec![],
            _ => fields.integers("axis")?.unwrap_or_else(|| vec![-1]),
        };
        let mut sides = vec![1; rank];
        for axis in axes {
            let place = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis - 1 });
            let place = place.ok().filter(|&place| place < rank).ok_or_else(|| fields.wrong("axis"))?;
            sides[place] = input.sides[place];
        }
        let count: usize = sides.iter().product();
        let given = (fields.array("mean")?, fields.array("variance")?);
        let (mean, variance) = match given {
            (Some(mean), Some(variance)) => (mean.values, variance.values),
            _ => {
                let order = variable_names(site.layer)?;
                let kept: Vec<usize> = sides.iter().copied().filter(|&side| side != 1).collect();
                let mut vector = |name: &str| self.parameter(site.layer, &order, name, &kept);
                (vector("mean")?, vector("variance")?)
            }
        };
        let repeated = |values: Vec<f32>| match values.len() {
            1 => Some(vec![values[0]; count]),
            length => (length == count).then_some(values),
        };
        let (Some(mean), Some(variance)) = (repeated(mean), repeated(variance)) else {
            return Err(Stop::Wrong(fields.wrong("mean")));
        };
        // Keras' own epsilon.
        let deviation = variance.iter().map(|variance| f64::from(*variance).sqrt().max(1e-7));
        let is_inverse = fields.flag("invert")?.unwrap_or(false);
        let pairs = mean.iter().zip(deviation).map(|(mean, deviation)| match is_inverse {
            true => (deviation as f32, *mean),
            false => ((1.0 / deviation) as f32, (-f64::from(*mean) / deviation) as f32),
        });
        let (scale, shift) = pairs.unzip();
        let array = |values| Array { sides: sides.clone(), values };
        self.scaled(site, input, &array(scale), &array(shift))
    }

    /// A factor for each channel.
    pub fn layer_scale(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let input = site.one()?;
        let (_, place) = self.place(site, input, -1)?;
        let factors = self.parameter(site.layer, &["gamma"], "gamma", &[input.sides[place]])?;
        self.scaled(site, input, &along(input, place, factors), &Array::scalar(0.0))
    }

    /// x · scale + offset.
    pub fn rescaling(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let scale = fields.array("scale")?.ok_or_else(|| fields.wrong("scale"))?;
        let offset = fields.array("offset")?.unwrap_or_else(|| Array::scalar(0.0));
        self.scaled(site, input, &scale, &offset)
    }
}

/// The one axis that a layer works along; the last where nothing is said.
fn single_axis(fields: &Fields<'_>) -> Result<i64, Stop> {
    match fields.integers("axis")?.as_deref() {
        None => Ok(-1),
        Some([axis]) => Ok(*axis),
        Some(axes) => Err(Stop::Unknown(format!("works along several axes ({axes:?})"))),
    }
}

/// Values along one axis of a value.
fn along(input: &Value, place: usize, values: Vec<f32>) -> Array {
    let mut sides = vec![1; input.sides.len()];
    sides[place] = values.len();
    Array { sides, values }
}
