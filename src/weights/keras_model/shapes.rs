//! Layers that change where values stand, or how many there are.

use super::assembly::Assembly;
use super::config::{integers, list, pair};
use super::resampling::Kernel;
use super::values::{Site, Stop, Value, Wanted};
use super::windows::check_layout;
use crate::model::{Activation, Axis, Coordinates, Filling, Interpolation, Op, Rounding, Step};
use crate::weights::file::ReadError;

impl Assembly<'_, '_, '_> {
    /// The step from a value as the graph has it to Keras' order.
    fn keras_order(&self, value: &Value) -> Step {
        let rank = value.sides.len();
        if self.channels_first && rank == 3 || rank < 2 {
            return Step { sides: value.sides.clone(), order: (0..rank).collect() };
        }
        let (outer, channels) = value.sides.split_at(rank - 1);
        let sides = [channels, outer].concat();
        Step { sides, order: (1..rank).chain([0]).collect() }
    }

    /// The step back.
    fn graph_order(&self, sides: &[usize]) -> Step {
        let rank = sides.len();
        let order = match self.channels_first && rank == 3 || rank < 2 {
            true => (0..rank).collect(),
            false => [rank - 1].into_iter().chain(0..rank - 1).collect(),
        };
        Step { sides: sides.into(), order }
    }

    /// The same values with other sides, after an exchange of axes.
    pub fn rearrange(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        order: Option<&[usize]>,
        sides: Vec<usize>,
    ) -> Result<Value, Stop> {
        let exchange = order.map(|order| Step { sides: input.sides.clone(), order: order.into() });
        let steps = [Some(self.keras_order(input)), exchange, Some(self.graph_order(&sides))];
        let is_move = |step: &Step| {
            let moved: Vec<usize> = step.order.iter().copied().filter(|&axis| step.sides[axis] > 1).collect();
            !moved.is_sorted()
        };
        let steps: Vec<Step> = steps.into_iter().flatten().filter(is_move).collect();
        self.push(site, part, &[input], Wanted { sides: Some(sides), ..Wanted::new(Op::Rearrange(steps)) })
    }

    /// `Flatten`, which of maps with the channels first puts them last before.
    pub fn flatten(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let input = site.one()?;
        let puts_last =
            site.layer.fields().text("data_format")? == Some("channels_first") && input.sides.len() == 3;
        let count = input.sides.iter().product();
        self.rearrange(site, "", input, puts_last.then_some(&[1, 2, 0][..]), vec![count])
    }

    pub fn reshape_layer(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let target = fields.integers("target_shape")?.ok_or_else(|| fields.wrong("target_shape"))?;
        self.reshape(site, input, &target)
    }

    /// Other sides; one of them may be −1.
    pub fn reshape(&mut self, site: &Site<'_, '_>, input: &Value, target: &[i64]) -> Result<Value, Stop> {
        let wrong = || Stop::Unknown(format!("makes {target:?} of {:?}", input.sides));
        let count: usize = input.sides.iter().product();
        let known = target
            .iter()
            .filter(|&&side| side != -1)
            .try_fold(1usize, |product, &side| product.checked_mul(usize::try_from(side).ok()?));
        let known = known.filter(|&known| known > 0).ok_or_else(wrong)?;
        let side = |side: &i64| usize::try_from(*side).unwrap_or(count / known);
        let sides: Vec<usize> = target.iter().map(side).collect();
        if sides.iter().try_fold(1usize, |n, &side| n.checked_mul(side)) != Some(count) || sides.len() > 8 {
            return Err(wrong());
        }
        self.rearrange(site, "", input, None, sides)
    }

    pub fn permute_layer(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        let order = fields.integers("dims")?.ok_or_else(|| fields.wrong("dims"))?;
        let order: Vec<i64> = order.into_iter().map(|axis| axis - 1).collect();
        self.permute(site, input, &order)
    }

    /// Axes in another order, by their places from 0 without the batch.
    pub fn permute(&mut self, site: &Site<'_, '_>, input: &Value, order: &[i64]) -> Result<Value, Stop> {
        let rank = input.sides.len();
        let places: Vec<usize> = order.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        let mut sorted = places.clone();
        sorted.sort_unstable();
        if order.len() != rank || !sorted.into_iter().eq(0..rank) {
            return Err(Stop::Wrong(ReadError(format!(
                "`{}` puts the axes of {:?} in an order that makes no sense; save the model anew",
                site.name, input.sides
            ))));
        }
        let sides = places.iter().map(|&place| input.sides[place]).collect();
        self.rearrange(site, "", input, Some(&places), sides)
    }

    /// `[[above, below], [left, right]]` of a field that may also be one number, or two.
    fn borders(&self, site: &Site<'_, '_>, name: &str) -> Result<[[usize; 2]; 2], Stop> {
        let fields = site.layer.fields();
        let Some(value) = fields.get(name) else { return Ok([[1, 1], [1, 1]]) };
        let found = match list(value) {
            Some([vertical, horizontal]) => match (list(vertical), list(horizontal)) {
                (Some(_), Some(_)) => pair(vertical).zip(pair(horizontal)).map(|(v, h)| [v, h]),
                _ => pair(value).map(|[v, h]| [[v, v], [h, h]]),
            },
            // Keras 1.
            Some([_, _, _, _]) => integers(value).and_then(|all| {
                let all: Vec<usize> = all.into_iter().map(usize::try_from).collect::<Result<_, _>>().ok()?;
                Some([[all[0], all[1]], [all[2], all[3]]])
            }),
            _ => pair(value).map(|[v, h]| [[v, v], [h, h]]),
        };
        Ok(found.ok_or_else(|| fields.wrong(name))?)
    }

    pub fn zero_padding(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let input = site.one()?;
        check_layout(self, site, input)?;
        let [vertical, horizontal] = self.borders(site, "padding")?;
        self.pad(site, "", input, [vertical, horizontal], 0.0)
    }

    fn pad(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        [vertical, horizontal]: [[usize; 2]; 2],
        filling: f32,
    ) -> Result<Value, Stop> {
        let op =
            Op::Pad([vertical[0], horizontal[0]], [vertical[1], horizontal[1]], Filling::Constant(filling));
        self.push(site, part, &[input], Wanted::new(op))
    }

    pub fn cropping(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let input = site.one()?;
        check_layout(self, site, input)?;
        let borders = match site.layer.fields().get("cropping") {
            Some(_) => self.borders(site, "cropping")?,
            None => [[0, 0], [0, 0]],
        };
        let shape = self.builder.shape(input.node);
        let mut cuts = Vec::new();
        for (axis, [before, after]) in [Axis::Height, Axis::Width].into_iter().zip(borders) {
            let kept = shape.side(axis).checked_sub(before).and_then(|rest| rest.checked_sub(after));
            let kept = kept.filter(|&kept| kept > 0).ok_or_else(|| site.layer.fields().wrong("cropping"))?;
            cuts.push((axis, before, 1, kept));
        }
        self.slices(site, "", input, &cuts)
    }

    /// Cuts along several axes, a node for each that takes something away; at least one node.
    pub fn slices(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        cuts: &[(Axis, usize, usize, usize)],
    ) -> Result<Value, Stop> {
        let shape = self.builder.shape(input.node);
        let needed: Vec<_> = cuts.iter().filter(|(axis, .., count)| shape.side(*axis) != *count).collect();
        let mut value = input.clone();
        let Some((last, others)) = needed.split_last() else {
            return self.map(site, part, input, Activation::Linear);
        };
        for &&(axis, start, step, count) in others {
            let own = format!("{part}{}", if axis == Axis::Channel { "channels" } else { "rows" });
            value = self.push(site, &own, &[&value], Wanted::new(Op::Slice(axis, start, step, count)))?;
        }
        let &&(axis, start, step, count) = last;
        self.push(site, part, &[&value], Wanted::new(Op::Slice(axis, start, step, count)))
    }

    pub fn up_sampling(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        check_layout(self, site, input)?;
        let factor = fields.pair("size")?.unwrap_or([2, 2]);
        let interpolation = fields.text("interpolation")?.unwrap_or("nearest");
        let shape = self.builder.shape(input.node);
        let size = [shape.height.saturating_mul(factor[0]), shape.width.saturating_mul(factor[1])];
        self.resize(site, "", input, size, (interpolation, false))
    }

    /// As TensorFlow does it: by the centres of cells.
    pub fn resize(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        size: [usize; 2],
        (interpolation, antialias): (&str, bool),
    ) -> Result<Value, Stop> {
        let shape = self.builder.shape(input.node);
        if size.contains(&0) {
            return Err(Stop::Wrong(ReadError(format!(
                "`{}` makes maps of no size; save the model anew",
                site.name
            ))));
        }
        let shrinks = size[0] < shape.height || size[1] < shape.width;
        let interpolation = match interpolation {
            "nearest" => Interpolation::Nearest,
            "bilinear" if antialias && shrinks => {
                return self.resample(site, part, input, size, (Kernel::Linear, true));
            }
            "bilinear" => Interpolation::Linear,
            "bicubic" => return self.resample(site, part, input, size, (Kernel::Cubic, antialias)),
            other => {
                let other = super::config::short(&other.into());
                return Err(Stop::Unknown(format!("resizes by {other}, which is not known")));
            }
        };
        let scale = [size[0] as f64 / shape.height as f64, size[1] as f64 / shape.width as f64];
        let op = Op::Resize {
            interpolation,
            coordinates: Coordinates::HalfPixel,
            rounding: Rounding::HalfUp,
            scale,
        };
        let sides = self.map_sides(shape.channels, size);
        self.push(site, part, &[input], Wanted { sides: Some(sides), ..Wanted::new(op) })
    }

    pub fn resizing(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        check_layout(self, site, input)?;
        let size = [fields.needed("height")?, fields.needed("width")?];
        let interpolation = fields.text("interpolation")?.unwrap_or("bilinear").to_lowercase();
        let antialias = fields.flag("antialias")?.unwrap_or(false);
        let crops = fields.flag("crop_to_aspect_ratio")?.unwrap_or(false);
        let pads = fields.flag("pad_to_aspect_ratio")?.unwrap_or(false);
        let mut value = input.clone();
        if crops {
            value = self.with_ratio(site, input, size)?;
        } else if pads {
            let filling = fields.number("fill_value")?.unwrap_or(0.0) as f32;
            let (shape, ratio) =
                (self.builder.shape(input.node), of_ratio(self.builder.shape(input.node), size));
            let more = [ratio[0].saturating_sub(shape.height), ratio[1].saturating_sub(shape.width)];
            // As much in front as behind, rounded down.
            if more != [0, 0] {
                value = self.pad(site, "padded", input, more.map(|more| [more / 2, more / 2]), filling)?;
            }
        }
        self.resize(site, "", &value, size, (&interpolation, antialias))
    }

    /// The middle of maps, of another ratio of sides.
    fn with_ratio(&mut self, site: &Site<'_, '_>, input: &Value, size: [usize; 2]) -> Result<Value, Stop> {
        let shape = self.builder.shape(input.node);
        let ratio = of_ratio(shape, size);
        let height = ratio[0].clamp(1, shape.height);
        let width = ratio[1].clamp(1, shape.width);
        if [height, width] == [shape.height, shape.width] {
            return Ok(input.clone());
        }
        let middle = [(shape.height - height) / 2, (shape.width - width) / 2];
        let cuts = [(Axis::Height, middle[0], 1, height), (Axis::Width, middle[1], 1, width)];
        self.slices(site, "cropped", input, &cuts)
    }

    /// `CenterCrop`: the middle, or where the maps are smaller the middle of the right ratio, resized.
    pub fn center_crop(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        check_layout(self, site, input)?;
        let [height, width] = [fields.needed("height")?, fields.needed("width")?];
        let shape = self.builder.shape(input.node);
        if shape.height >= height && shape.width >= width {
            let cuts = [
                (Axis::Height, (shape.height - height) / 2, 1, height),
                (Axis::Width, (shape.width - width) / 2, 1, width),
            ];
            return self.slices(site, "", input, &cuts);
        }
        let value = self.with_ratio(site, input, [height, width])?;
        self.resize(site, "", &value, [height, width], ("bilinear", false))
    }
}

/// Height and width, each with the ratio that is wanted by the other, rounded down.
fn of_ratio(shape: crate::model::Shape, [height, width]: [usize; 2]) -> [usize; 2] {
    let side =
        |own: usize, wanted: usize, other: usize| (own as f32 * wanted as f32 / other.max(1) as f32) as usize;
    [side(shape.width, height, width), side(shape.height, width, height)]
}
