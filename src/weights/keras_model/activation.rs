//! Activation functions: as layers of their own, and inside others.

use serde_json::Value as Json;

use super::assembly::Assembly;
use super::config::{self, Array, Fields};
use super::values::{Site, Stop, Value, Wanted};
use crate::model::{Activation, Arithmetic, Axis, Op};
use crate::weights::file::ReadError;

/// A step of a function that has no single name, on a stack of values.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// Puts the function's argument on the stack.
    X,
    /// A function of what is on top.
    Map(Activation),
    /// What is on top and a number; true: the number comes first.
    With(Arithmetic, f32, bool),
    /// The two on top.
    Join(Arithmetic),
    /// Softmax along another axis than the channels.
    Softmax(Axis),
}

/// A function: terms from the left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Function(Vec<Term>);

impl Function {
    fn of(activation: Activation) -> Self {
        Self(vec![Term::X, Term::Map(activation)])
    }

    /// The function as one activation, which a layer can have inside.
    fn single(&self) -> Option<Activation> {
        match self.0[..] {
            [Term::X, Term::Map(activation)] => Some(activation),
            _ => None,
        }
    }
}

/// A layer's own operation, and behind it its activation: in the same node where the graph has it.
impl Assembly<'_, '_, '_> {
    pub fn activated(
        &mut self,
        site: &Site<'_, '_>,
        inputs: &[&Value],
        wanted: Wanted,
        function: &Function,
    ) -> Result<Value, Stop> {
        if let Some(activation) = function.single() {
            return self.push(site, "", inputs, Wanted { activation, ..wanted });
        }
        let linear = self.push(site, "linear", inputs, wanted)?;
        self.function(site, &linear, function)
    }

    /// The steps of a function, a node each.
    pub fn function(&mut self, site: &Site<'_, '_>, x: &Value, function: &Function) -> Result<Value, Stop> {
        let mut stack: Vec<Value> = Vec::new();
        for (index, term) in function.0.iter().enumerate() {
            let part = if index + 1 == function.0.len() { String::new() } else { index.to_string() };
            let broken = || Stop::Unknown("has an activation that is not known".into());
            let made = match term {
                Term::X => x.clone(),
                Term::Map(activation) => {
                    self.map(site, &part, &stack.pop().ok_or_else(broken)?, *activation)?
                }
                Term::With(arithmetic, number, is_first) => {
                    let top = stack.pop().ok_or_else(broken)?;
                    let number = Array { sides: vec![], values: vec![*number] };
                    self.with_constant(site, &part, &top, (*arithmetic, *is_first), &number)?
                }
                Term::Join(arithmetic) => {
                    let (b, a) = (stack.pop().ok_or_else(broken)?, stack.pop().ok_or_else(broken)?);
                    self.push(site, &part, &[&a, &b], Wanted::new(Op::Arithmetic(*arithmetic)))?
                }
                Term::Softmax(axis) => self.push(
                    site,
                    &part,
                    &[&stack.pop().ok_or_else(broken)?],
                    Wanted::new(Op::Softmax(*axis)),
                )?,
            };
            stack.push(made);
        }
        stack.pop().ok_or_else(|| Stop::Unknown("has an activation that is not known".into()))
    }

    /// The activation that a layer has inside, for values that look like this one. Softmax is along the last
    /// axis.
    pub fn fused(&self, fields: &Fields<'_>, value: &Value) -> Result<Function, Stop> {
        match fields.get("activation") {
            None => Ok(Function::of(Activation::Linear)),
            Some(told) => self.named(told, value),
        }
    }

    /// A function by its name, or by the configuration of the layer that it is.
    fn named(&self, told: &Json, value: &Value) -> Result<Function, Stop> {
        let nothing = serde_json::Map::new();
        let (name, options) = match told {
            Json::String(name) => (name.as_str(), &nothing),
            Json::Object(entry) => {
                match (entry.get("class_name").and_then(Json::as_str), entry.get("config")) {
                    (Some("function"), Some(Json::String(name))) => (name.as_str(), &nothing),
                    (Some("function"), Some(Json::Object(config))) => {
                        (config.get("name").and_then(Json::as_str).unwrap_or("?"), &nothing)
                    }
                    (Some(class), Some(Json::Object(config))) => {
                        let fields = Fields::new(config, class);
                        return match class {
                            "Activation" => self.fused(&fields, value),
                            _ => self.layer_function(class, &fields, value)?.ok_or_else(|| unknown(class)),
                        };
                    }
                    (Some(class), _) => (class, &nothing),
                    _ => ("?", &nothing),
                }
            }
            _ => ("?", &nothing),
        };
        self.by_name(name, &Fields::new(options, name), value)?.ok_or_else(|| unknown(name))
    }

    /// A function by the name that Keras, or TensorFlow, has for it.
    pub fn by_name(&self, name: &str, options: &Fields<'_>, value: &Value) -> Result<Option<Function>, Stop> {
        use Activation as A;
        use Arithmetic as C;
        use Term::{Join, Map, With, X};
        let slope = |default: f64| -> Result<f32, ReadError> {
            let told = [options.number("negative_slope")?, options.number("alpha")?];
            Ok(told.into_iter().flatten().next().unwrap_or(default) as f32)
        };
        let one = |activation| Ok(Some(Function::of(activation)));
        // 1 where this is above 0, −1 taken away from 0 else: the floor of it, between −1 and 0.
        let below = |number: f32| {
            vec![With(C::Sub, number, true), Map(A::Clip(-1.0, 0.0)), Map(A::Floor), Map(A::Neg)]
        };
        match name {
            "linear" | "identity" => one(A::Linear),
            "relu" => one(A::Relu),
            "relu6" => one(A::Clip(0.0, 6.0)),
            "leaky_relu" => one(A::LeakyRelu(slope(0.2)?)),
            "elu" => one(A::Elu(slope(1.0)?)),
            "celu" if slope(1.0)? == 1.0 => one(A::Elu(1.0)),
            "selu" => one(A::Selu),
            "gelu" => one(match options.flag("approximate")? {
                Some(true) => A::GeluTanh,
                _ => A::Gelu,
            }),
            "sigmoid" => one(A::Sigmoid),
            "hard_sigmoid" if self.major_version < 3 => one(A::HardSigmoid(0.2, 0.5)),
            "hard_sigmoid" => one(A::HardSigmoid(1.0 / 6.0, 0.5)),
            "sparse_sigmoid" => one(A::HardSigmoid(0.5, 0.5)),
            "swish" | "silu" => one(A::Silu),
            "hard_silu" | "hard_swish" => one(A::HardSwish),
            "tanh" => one(A::Tanh),
            "hard_tanh" => one(A::Clip(-1.0, 1.0)),
            "softplus" => one(A::Softplus),
            "softsign" => one(A::Softsign),
            "mish" => one(A::Mish),
            "exponential" => one(A::Exp),
            "log_sigmoid" => Ok(Some(Function(vec![X, Map(A::Neg), Map(A::Softplus), Map(A::Neg)]))),
            "tanh_shrink" => Ok(Some(Function(vec![X, X, Map(A::Tanh), Join(C::Sub)]))),
            "soft_shrink" => {
                let limit = options.number("threshold")?.unwrap_or(0.5) as f32;
                Ok(Some(Function(vec![X, X, Map(A::Clip(-limit, limit)), Join(C::Sub)])))
            }
            "hard_shrink" => {
                let limit = options.number("threshold")?.unwrap_or(0.5) as f32;
                let terms = [vec![X, X, Map(A::Abs)], below(limit), vec![Join(C::Mul)]];
                Ok(Some(Function(terms.concat())))
            }
            "squareplus" => Ok(Some(Function(vec![
                X,
                X,
                X,
                Join(C::Mul),
                With(C::Add, options.number("b")?.unwrap_or(4.0) as f32, false),
                Map(A::Sqrt),
                Join(C::Add),
                With(C::Mul, 0.5, false),
            ]))),
            "sparse_plus" => Ok(Some(Function(vec![
                X,
                With(C::Add, 1.0, false),
                Map(A::Clip(0.0, 2.0)),
                Map(A::Power(2.0)),
                With(C::Mul, 0.25, false),
                X,
                With(C::Sub, 1.0, false),
                Map(A::Relu),
                Join(C::Add),
            ]))),
            "thresholded_relu" => {
                let theta = options.number("theta")?.unwrap_or(1.0) as f32;
                Ok(Some(Function([vec![X, X], below(theta), vec![Join(C::Mul)]].concat())))
            }
            "softmax" => self.softmax(value, -1).map(Some),
            "log_softmax" if self.last_is_channels(value) => one(A::LogSoftmax),
            _ => Ok(None),
        }
    }

    fn softmax(&self, value: &Value, axis: i64) -> Result<Function, Stop> {
        match self.axis(value, axis) {
            Some(Axis::Channel) => Ok(Function::of(Activation::Softmax)),
            Some(axis) => Ok(Function(vec![Term::X, Term::Softmax(axis)])),
            None => Err(Stop::Unknown(format!("is a softmax along axis {axis} of {:?}", value.sides))),
        }
    }

    /// The function of an activation layer; `None` for other layers.
    pub fn layer_function(
        &self,
        class: &str,
        fields: &Fields<'_>,
        value: &Value,
    ) -> Result<Option<Function>, Stop> {
        let name = match class {
            "Activation" => return self.fused(fields, value).map(Some),
            "ReLU" => return Ok(Some(relu(fields)?)),
            "Softmax" => {
                return match fields.integers("axis")?.as_deref() {
                    None => self.softmax(value, -1).map(Some),
                    Some([axis]) => self.softmax(value, *axis).map(Some),
                    Some(axes) => Err(Stop::Unknown(format!("is a softmax over several axes ({axes:?})"))),
                };
            }
            // Their defaults differ from those of the functions of the same names.
            "LeakyReLU" => {
                let told = [fields.number("negative_slope")?, fields.number("alpha")?];
                let slope = told.into_iter().flatten().next().unwrap_or(0.3);
                return Ok(Some(Function::of(Activation::LeakyRelu(slope as f32))));
            }
            "ELU" => "elu",
            "ThresholdedReLU" => "thresholded_relu",
            _ => return Ok(None),
        };
        self.by_name(name, fields, value)
    }

    /// Softmax over all places of each channel.
    pub fn softmax_of_places(&mut self, site: &Site<'_, '_>, x: &Value) -> Result<Value, Stop> {
        let (places, channels) = match (&x.sides[..], self.last_is_channels(x)) {
            (&[height, width, channels], true) => (height * width, channels),
            _ => return Err(Stop::Unknown("is a softmax over several axes".into())),
        };
        let row = self.rearrange(site, "row", x, None, vec![places, channels])?;
        let row = self.push(site, "softmax", &[&row], Wanted::new(Op::Softmax(Axis::Width)))?;
        self.rearrange(site, "", &row, None, x.sides.clone())
    }

    /// x, and below zero x times a slope that was learned.
    pub fn prelu(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let input = site.one()?;
        let mut sides = input.sides.clone();
        for axis in site.layer.fields().integers("shared_axes")?.unwrap_or_default() {
            let place = if axis < 0 { axis + sides.len() as i64 } else { axis - 1 };
            let side = usize::try_from(place).ok().and_then(|place| sides.get_mut(place));
            *side.ok_or_else(|| site.layer.fields().wrong("shared_axes"))? = 1;
        }
        let slopes = self.parameter(site.layer, &["alpha"], "alpha", &sides)?;
        let weights = self.stored(&sides, &slopes);
        self.push(site, "", &[input], Wanted { weights, ..Wanted::new(Op::Prelu) })
    }
}

/// Keras' ReLU layer: limited above, with a slope below, and with zero moved.
fn relu(fields: &Fields<'_>) -> Result<Function, Stop> {
    use Activation as A;
    use Arithmetic as C;
    use Term::{Join, Map, With, X};
    let number = |name: &str| fields.number(name).map(|number| number.unwrap_or(0.0) as f32);
    let (slope, threshold) = (number("negative_slope")?, number("threshold")?);
    let most = fields.number("max_value")?.map(|most| most as f32);
    if threshold < 0.0 || most.is_some_and(|most| most < 0.0) {
        return Err(Stop::Unknown("is a ReLU with a limit below zero".into()));
    }
    let below = |slope: f32| if slope == 0.0 { A::Relu } else { A::LeakyRelu(slope) };
    Ok(match (slope, threshold, most) {
        (slope, 0.0, None) => Function::of(below(slope)),
        (0.0, 0.0, Some(most)) => Function::of(A::Clip(0.0, most)),
        (slope, 0.0, Some(most)) => Function(vec![X, Map(A::LeakyRelu(slope)), With(C::Min, most, false)]),
        (slope, threshold, most) => {
            // What is above the threshold, and the threshold itself where something is: the floor between −1
            // and 0 tells.
            let shifted = [X, With(C::Sub, threshold, false)];
            let there = [Map(A::Clip(-1.0, 0.0)), Map(A::Floor), With(C::Add, 1.0, false)];
            let mut terms = shifted.to_vec();
            terms.push(Map(below(slope)));
            terms.extend(shifted.into_iter().chain(there));
            terms.extend([With(C::Mul, threshold, false), Join(C::Add)]);
            terms.extend(most.map(|most| With(C::Min, most, false)));
            Function(terms)
        }
    })
}

fn unknown(name: &str) -> Stop {
    let name = config::short(&Json::String(name.chars().take(100).collect()));
    Stop::Unknown(format!("has the activation {name}, which is not known"))
}
