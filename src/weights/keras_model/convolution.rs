//! Convolutions of all kinds, and dense layers.

use super::assembly::Assembly;
use super::tensor::{transposed, transposed_blocks};
use super::topology::Layer;
use super::values::{Site, Stop, Value, Wanted, misfit};
use super::variable_names::variable_names;
use super::windows::window;
use crate::model::{Op, Shape};
use crate::weights::file::ReadError;
use crate::weights::parameters::LayerWeights;

impl Assembly<'_, '_, '_> {
    fn bias(
        &mut self,
        layer: &Layer<'_>,
        order: &[&str],
        count: usize,
    ) -> Result<Option<Vec<f32>>, ReadError> {
        order.contains(&"bias").then(|| self.parameter(layer, order, "bias", &[count])).transpose()
    }

    /// A kernel `[rows, columns, a, b]`.
    fn kernel(
        &mut self,
        layer: &Layer<'_>,
        order: &[&str],
        name: &str,
        sides: [usize; 4],
    ) -> Result<Vec<f32>, ReadError> {
        let tensor = self.tensor(layer, order, name)?;
        let found = tensor.clone();
        let tensor = self.theano.undone(tensor);
        match tensor.sides == sides {
            true => Ok(tensor.values),
            false => Err(misfit(layer, name, &found, &sides)),
        }
    }

    /// `Conv2D`.
    pub fn conv(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let (filters, kernel) = (fields.needed("filters")?, window_size(site, "kernel_size")?);
        let window = window(self, site, input, kernel, fields.pair("strides")?.unwrap_or([1, 1]))?;
        let groups = fields.count("groups")?.unwrap_or(1);
        let channels = self.builder.shape(input.node).channels;
        if groups == 0 || !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
            return Err(Stop::Wrong(fields.wrong("groups")));
        }
        let function = self.fused(&fields, input)?;
        let order = variable_names(site.layer)?;
        let inputs = channels / groups;
        let sides = [kernel[0], kernel[1], inputs, filters];
        let values = self.kernel(site.layer, &order, "kernel", sides)?;
        let kernel = transposed(&values, kernel[0] * kernel[1] * inputs, filters);
        // `[outputs, rows, columns, inputs]` → `[outputs, inputs, rows, columns]`.
        let kernel = transposed_blocks(&kernel, filters, sides[0] * sides[1], inputs);
        let bias = self.bias(site.layer, &order, filters)?;
        let wanted = Wanted {
            channels: Some(filters),
            has_bias: bias.is_some(),
            weights: Some(LayerWeights::Conv { kernel, bias }),
            ..Wanted::new(Op::Conv(window, groups))
        };
        self.activated(site, &[input], wanted, &function)
    }

    /// `DepthwiseConv2D`: as many groups as channels.
    pub fn depthwise(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let kernel = window_size(site, "kernel_size")?;
        let multiplier = fields.count("depth_multiplier")?.unwrap_or(1);
        let window = window(self, site, input, kernel, fields.pair("strides")?.unwrap_or([1, 1]))?;
        let function = self.fused(&fields, input)?;
        let channels = self.builder.shape(input.node).channels;
        let order = variable_names(site.layer)?;
        let name = order[0];
        let values = self.kernel(site.layer, &order, name, [kernel[0], kernel[1], channels, multiplier])?;
        let outputs = channels * multiplier;
        let kernel = transposed(&values, kernel[0] * kernel[1], outputs);
        let bias = self.bias(site.layer, &order, outputs)?;
        let wanted = Wanted {
            channels: Some(outputs),
            has_bias: bias.is_some(),
            weights: Some(LayerWeights::Conv { kernel, bias }),
            ..Wanted::new(Op::Conv(window, channels))
        };
        self.activated(site, &[input], wanted, &function)
    }

    /// `SeparableConv2D`: one node for both convolutions.
    pub fn separable(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let (filters, kernel) = (fields.needed("filters")?, window_size(site, "kernel_size")?);
        let multiplier = fields.count("depth_multiplier")?.unwrap_or(1);
        let window = window(self, site, input, kernel, fields.pair("strides")?.unwrap_or([1, 1]))?;
        let function = self.fused(&fields, input)?;
        let channels = self.builder.shape(input.node).channels;
        let order = variable_names(site.layer)?;
        let sides = [kernel[0], kernel[1], channels, multiplier];
        let depthwise = self.kernel(site.layer, &order, "depthwise_kernel", sides)?;
        let between = channels * multiplier;
        let pointwise = self.kernel(site.layer, &order, "pointwise_kernel", [1, 1, between, filters])?;
        let bias = self.bias(site.layer, &order, filters)?;
        let wanted = Wanted {
            channels: Some(filters),
            has_bias: bias.is_some(),
            weights: Some(LayerWeights::Separable {
                depthwise: transposed(&depthwise, kernel[0] * kernel[1], between),
                pointwise: transposed(&pointwise, between, filters),
                bias,
            }),
            ..Wanted::new(Op::SeparableConv(window))
        };
        self.activated(site, &[input], wanted, &function)
    }

    /// `Conv2DTranspose`. Keras' kernel is `[rows, columns, outputs, inputs]`.
    pub fn conv_transpose(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let (filters, kernel) = (fields.needed("filters")?, window_size(site, "kernel_size")?);
        let stride = fields.pair("strides")?.unwrap_or([1, 1]);
        let mut window = window(self, site, input, kernel, stride)?;
        let is_same = fields.text("padding")? == Some("same");
        let output_padding = fields.pair("output_padding")?;
        let Shape { channels, height, width } = self.builder.shape(input.node);
        let mut sides = [height, width];
        for axis in 0..2 {
            let (length, step, extent) = (sides[axis], stride[axis], window.extent(axis));
            let stretched = length.saturating_mul(step);
            let whole = ((length - 1).saturating_mul(step)).saturating_add(extent);
            // `deconv_output_length`; what is cut off is shared as TensorFlow does.
            sides[axis] = match (is_same, output_padding) {
                (true, None) => stretched,
                (false, None) => stretched.saturating_add(extent.saturating_sub(step)),
                (is_same, Some(more)) => {
                    let cut = if is_same { 2 * (extent / 2) } else { 0 };
                    whole.saturating_add(more[axis]).saturating_sub(cut)
                }
            };
            let cut = whole.saturating_sub(sides[axis]);
            window.padding[axis] = if is_same { cut / 2 } else { 0 };
            window.padding_after[axis] = cut - window.padding[axis];
        }
        let out = match self.channels_first {
            true => vec![filters, sides[0], sides[1]],
            false => vec![sides[0], sides[1], filters],
        };
        let function = self.fused(&fields, input)?;
        let order = variable_names(site.layer)?;
        let values = self.kernel(site.layer, &order, "kernel", [kernel[0], kernel[1], filters, channels])?;
        let values = transposed(&values, kernel[0] * kernel[1] * filters, channels);
        let kernel = transposed_blocks(&values, channels, kernel[0] * kernel[1], filters);
        let bias = self.bias(site.layer, &order, filters)?;
        let wanted = Wanted {
            sides: Some(out),
            has_bias: bias.is_some(),
            weights: Some(LayerWeights::Conv { kernel, bias }),
            ..Wanted::new(Op::ConvTranspose(window, 1))
        };
        self.activated(site, &[input], wanted, &function)
    }

    /// `Dense`, on vectors and on the channels of maps.
    pub fn dense(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        if !self.last_is_channels(input) {
            return Err(Stop::Unknown("is dense along the columns of maps".into()));
        }
        let units = fields.needed("units")?;
        let function = self.fused(&fields, input)?;
        let channels = self.builder.shape(input.node).channels;
        let order = variable_names(site.layer)?;
        let kernel = self.parameter(site.layer, &order, "kernel", &[channels, units])?;
        let bias = self.bias(site.layer, &order, units)?;
        let has_bias = bias.is_some();
        let wanted = Wanted {
            channels: Some(units),
            has_bias,
            weights: Some(LayerWeights::Dense {
                weight: transposed(&kernel, channels, units),
                bias: bias.unwrap_or_else(|| vec![0.0; units]),
            }),
            ..Wanted::new(Op::Dense)
        };
        self.activated(site, &[input], wanted, &function)
    }
}

fn window_size(site: &Site<'_, '_>, name: &str) -> Result<[usize; 2], ReadError> {
    let fields = site.layer.fields();
    fields.pair(name)?.ok_or_else(|| fields.wrong(name))
}
