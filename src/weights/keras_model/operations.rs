//! Operations that are no layers: what `x / 255` leaves in a file, in the three ways that Keras has had for
//! it.
//!
//! Keras 3 keeps them as entries of their own (`TrueDivide`), Keras 2 as `TFOpLambda` with TensorFlow's name
//! of the function (`math.truediv`), TensorFlow 2.0 to 2.3 as `TensorFlowOpLayer` with a node of its graph
//! (`RealDiv`).

use serde_json::Value as Json;

use super::assembly::Assembly;
use super::calls::Argument;
use super::config::{self, Array, Fields, array, integer, integers, number};
use super::values::{Site, Stop, Value, Wanted};
use crate::model::{Activation, Arithmetic, Op, Reduction};

/// One side of arithmetic.
enum Operand<'m> {
    Value(&'m Value),
    Constant(Array),
}

impl<'m> Site<'m, '_> {
    /// A setting of an operation: in its configuration, by keyword, or at this place of its arguments.
    pub fn option(&self, names: &[&str], place: usize) -> Option<&'m Json> {
        let fields = self.layer.fields();
        if let Some(found) = names.iter().find_map(|name| fields.get(name)) {
            return Some(found);
        }
        let by_name =
            self.call.keywords.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| value);
        match by_name.or_else(|| self.call.arguments.get(place)) {
            Some(&Argument::Constant(value)) if !value.is_null() => Some(value),
            _ => None,
        }
    }

    fn operand(&self, place: usize, names: &[&str]) -> Option<Operand<'m>> {
        let named =
            || self.call.keywords.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| value);
        match self.call.arguments.get(place).or_else(named)? {
            Argument::Constant(value) => array(value).map(Operand::Constant),
            argument => self.value(argument).map(Operand::Value),
        }
    }
}

/// Arithmetic by any of its names, in small letters.
fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        "add" | "addv2" | "bias_add" | "biasadd" => Arithmetic::Add,
        "subtract" | "sub" => Arithmetic::Sub,
        "multiply" | "mul" => Arithmetic::Mul,
        "divide" | "truedivide" | "truediv" | "realdiv" | "div" | "true_divide" => Arithmetic::Div,
        "maximum" => Arithmetic::Max,
        "minimum" => Arithmetic::Min,
        "power" | "pow" => Arithmetic::Pow,
        _ => return None,
    })
}

/// A function of each value by any of its names, in small letters.
fn elementwise(name: &str) -> Option<Activation> {
    Some(match name {
        "negative" | "neg" => Activation::Neg,
        "absolute" | "abs" => Activation::Abs,
        "sqrt" => Activation::Sqrt,
        "rsqrt" => Activation::Power(-0.5),
        "reciprocal" => Activation::Reciprocal,
        "exp" => Activation::Exp,
        "log" => Activation::Log,
        "floor" => Activation::Floor,
        "erf" => Activation::Erf,
        "identity" | "cast" | "copy" | "stop_gradient" | "stopgradient" => Activation::Linear,
        _ => return None,
    })
}

fn reduction(name: &str) -> Option<Reduction> {
    Some(match name {
        "mean" | "reduce_mean" => Reduction::Mean,
        "max" | "amax" | "reduce_max" => Reduction::Max,
        "min" | "amin" | "reduce_min" => Reduction::Min,
        "sum" | "reduce_sum" => Reduction::Sum,
        _ => return None,
    })
}

impl Assembly<'_, '_, '_> {
    /// `title` is a class of Keras 3 or a function of TensorFlow.
    pub fn operation(&mut self, site: &Site<'_, '_>, title: &str) -> Result<Value, Stop> {
        let name = title.rsplit('.').next().unwrap_or(title).to_lowercase();
        let unknown = || {
            Stop::Unknown(format!("is the operation {}, which is not known", config::short(&title.into())))
        };
        if let Some(arithmetic) = arithmetic(&name) {
            let a = site.operand(0, &["x", "x1", "value"]).ok_or_else(unknown)?;
            let b = site.operand(1, &["y", "x2", "bias"]).ok_or_else(unknown)?;
            return self.combine(site, arithmetic, a, b).map_err(|error| error.unwrap_or_else(unknown));
        }
        let input = site.inputs.first().ok_or_else(unknown)?;
        if name == "square" {
            return self.arithmetic(site, &[input, input], Arithmetic::Mul);
        }
        if let Some(activation) = elementwise(&name) {
            return self.map(site, "", input, activation);
        }
        if let Some(reduction) = reduction(&name) {
            let axes =
                site.option(&["axis"], 1).map(|axes| integers(axes).ok_or_else(unknown)).transpose()?;
            let keeps = site.option(&["keepdims"], 2).and_then(Json::as_bool).unwrap_or(false);
            let rank = input.sides.len() as i64;
            return self.reduce(site, input, reduction, &axes.unwrap_or_else(|| (1..=rank).collect()), keeps);
        }
        let integers_of = |names: &[&str]| site.option(names, 1).and_then(integers).ok_or_else(unknown);
        match name.as_str() {
            "concatenate" | "concat" => {
                let axis = site.option(&["axis"], 1).map_or(Some(-1), integer).ok_or_else(unknown)?;
                self.concatenate(site, axis)
            }
            "clip" | "clip_by_value" => {
                let limit = |names: &[&str], place, none: f64| match site.option(names, place) {
                    Some(value) => number(value).ok_or_else(unknown),
                    None => Ok(none),
                };
                let low = limit(&["x_min", "clip_value_min"], 1, f64::NEG_INFINITY)?;
                let high = limit(&["x_max", "clip_value_max"], 2, f64::INFINITY)?;
                self.map(site, "", input, Activation::Clip(low as f32, high as f32))
            }
            "pad" => self.pad_operation(site, input)?.ok_or_else(unknown),
            "transpose" => {
                let order = integers_of(&["axes", "perm"])?;
                match order.split_first() {
                    Some((0, rest)) => {
                        let order: Vec<i64> = rest.iter().map(|axis| axis - 1).collect();
                        self.permute(site, input, &order)
                    }
                    _ => Err(unknown()),
                }
            }
            "reshape" => match integers_of(&["newshape", "shape"])?.split_first() {
                Some((-1 | 1, sides)) => self.reshape(site, input, sides),
                _ => Err(unknown()),
            },
            "expanddims" | "expand_dims" => {
                let rank = input.sides.len() as i64;
                let axis = site.option(&["axis"], 1).and_then(integer).ok_or_else(unknown)?;
                let place = if axis < 0 { axis + rank + 1 } else { axis - 1 };
                let mut sides = input.sides.clone();
                match usize::try_from(place) {
                    Ok(place) if place <= sides.len() => sides.insert(place, 1),
                    _ => return Err(unknown()),
                }
                self.rearrange(site, "", input, None, sides)
            }
            "squeeze" => {
                let rank = input.sides.len() as i64;
                let axes =
                    site.option(&["axis"], 1).map(|axes| integers(axes).ok_or_else(unknown)).transpose()?;
                let places = axes.map(|axes| {
                    axes.iter().map(|axis| if *axis < 0 { axis + rank } else { axis - 1 }).collect()
                });
                let places: Vec<i64> = places.unwrap_or_else(|| (0..rank).collect());
                let kept = |(place, side): (usize, &usize)| {
                    (*side != 1 || !places.contains(&(place as i64))).then_some(*side)
                };
                let sides = input.sides.iter().enumerate().filter_map(kept).collect();
                self.rearrange(site, "", input, None, sides)
            }
            "getitem" => self.get_item(site, input)?.ok_or_else(unknown),
            _ => {
                let mut options = site.layer.config.clone();
                for (key, argument) in &site.call.keywords {
                    if let Argument::Constant(value) = argument {
                        options.insert((*key).into(), (*value).clone());
                    }
                }
                // Keras' operation approximates unless it is told not to; its activation the other way round.
                if name == "gelu" && site.layer.is_operation && !options.contains_key("approximate") {
                    options.insert("approximate".into(), true.into());
                }
                let name = match name.as_str() {
                    "leakyrelu" => "leaky_relu",
                    "hardsigmoid" => "hard_sigmoid",
                    "hardsilu" | "hardswish" => "hard_silu",
                    "logsigmoid" => "log_sigmoid",
                    "hardtanh" => "hard_tanh",
                    "logsoftmax" => "log_softmax",
                    "softshrink" => "soft_shrink",
                    "hardshrink" => "hard_shrink",
                    "tanhshrink" => "tanh_shrink",
                    other => other,
                };
                let fields = Fields::new(&options, site.layer.name);
                let axes = fields.integers("axis")?;
                let is_last = axes.is_none_or(|axes| axes == [-1] || axes == [input.sides.len() as i64]);
                match self.by_name(name, &fields, input)? {
                    Some(function) if is_last => self.function(site, input, &function),
                    _ => Err(unknown()),
                }
            }
        }
    }

    /// Arithmetic of two sides, at least one of them a value. `None` as the error: it is not known how.
    fn combine(
        &mut self,
        site: &Site<'_, '_>,
        arithmetic: Arithmetic,
        a: Operand<'_>,
        b: Operand<'_>,
    ) -> Result<Value, Option<Stop>> {
        match (a, b) {
            (Operand::Value(a), Operand::Value(b)) => {
                self.arithmetic(site, &[a, b], arithmetic).map_err(Some)
            }
            (Operand::Value(value), Operand::Constant(constant)) => {
                self.with_constant(site, "", value, (arithmetic, false), &constant).map_err(Some)
            }
            (Operand::Constant(constant), Operand::Value(value)) => {
                let is_first = matches!(arithmetic, Arithmetic::Sub | Arithmetic::Div | Arithmetic::Pow);
                self.with_constant(site, "", value, (arithmetic, is_first), &constant).map_err(Some)
            }
            (Operand::Constant(_), Operand::Constant(_)) => Err(None),
        }
    }

    fn reduce(
        &mut self,
        site: &Site<'_, '_>,
        input: &Value,
        reduction: Reduction,
        axes: &[i64],
        keeps: bool,
    ) -> Result<Value, Stop> {
        let rank = input.sides.len();
        let mut sides = input.sides.clone();
        let mut over = [false; 3];
        let mut gone = vec![];
        for &axis in axes {
            let place = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis - 1 }).ok();
            let (Some(graph_axis), Some(place)) = (self.axis(input, axis), place) else {
                return Err(Stop::Unknown(format!("works along axis {axis} of {:?}", input.sides)));
            };
            over[graph_axis.place()] = true;
            sides[place] = 1;
            gone.push(place);
        }
        let is_global = over == [false, true, true] && matches!(reduction, Reduction::Mean | Reduction::Max);
        let op = if is_global { Op::GlobalPool(reduction) } else { Op::Reduce(reduction, over) };
        let wanted = |sides: &[usize]| Wanted { sides: Some(sides.into()), ..Wanted::new(op.clone()) };
        if keeps {
            return self.push(site, "", &[input], wanted(&sides));
        }
        let left: Vec<usize> = sides
            .iter()
            .enumerate()
            .filter(|(place, _)| !gone.contains(place))
            .map(|(_, side)| *side)
            .collect();
        if self.shape(&left) == self.shape(&sides) {
            return self.push(site, "", &[input], wanted(&left));
        }
        let reduced = self.push(site, "reduced", &[input], wanted(&sides))?;
        self.rearrange(site, "", &reduced, None, left)
    }

    /// A node of TensorFlow's graph: `node_def` with its constants by place.
    pub fn tensorflow_node(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let fields = site.layer.fields();
        let node = fields.get("node_def");
        let op = node.and_then(|node| node.get("op")).and_then(Json::as_str).unwrap_or("?");
        let unknown = || {
            Stop::Unknown(format!(
                "is TensorFlow's operation {}, which is not known",
                config::short(&op.into())
            ))
        };
        let constants = fields.get("constants").and_then(Json::as_object);
        let name = op.to_lowercase();
        if let Some(arithmetic) = arithmetic(&name) {
            let mut values = site.inputs.iter();
            let mut operand = |place: &str| match constants.and_then(|constants| constants.get(place)) {
                Some(constant) => array(constant).map(Operand::Constant),
                None => values.next().map(Operand::Value),
            };
            let (Some(a), Some(b)) = (operand("0"), operand("1")) else { return Err(unknown()) };
            return self.combine(site, arithmetic, a, b).map_err(|error| error.unwrap_or_else(unknown));
        }
        let input = site.one().map_err(|_| unknown())?;
        if name == "square" {
            return self.arithmetic(site, &[input, input], Arithmetic::Mul);
        }
        if let Some(activation) = elementwise(&name) {
            return self.map(site, "", input, activation);
        }
        let nothing = serde_json::Map::new();
        match self.by_name(&name, &Fields::new(&nothing, op), input)? {
            Some(function) => self.function(site, input, &function),
            None => Err(unknown()),
        }
    }
}
