//! What a model's configuration tells of its layers and how they hang together, the same for every version of
//! Keras.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::calls::{Argument, Call, Names, Reference, calls, reference};
use super::config::Fields;
use crate::weights::file::ReadError;

/// Models inside models.
const MAX_DEPTH: usize = 16;

/// Layers of all models together; the largest of `keras.applications` has 900.
const MAX_LAYERS: usize = 20_000;

/// A model, or a model that is a layer of another.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub name: &'a str,
    /// In the order of the configuration, which is that of `model.layers`.
    pub layers: Vec<Layer<'a>>,
    /// What it reads and what it gives.
    pub inputs: Vec<Reference>,
    pub outputs: Vec<Reference>,
    /// Shape of its input where only the model says it.
    pub built_for: Option<&'a Value>,
}

#[derive(Debug)]
pub(super) struct Layer<'a> {
    /// Tells layers of all models apart.
    pub id: usize,
    /// `Conv2D`; of Keras 3's operations the operation's name.
    pub class: &'a str,
    /// True for Keras 3's operations (`x * 2`), which are no layers for `model.layers`.
    pub is_operation: bool,
    pub name: &'a str,
    pub config: &'a Map<String, Value>,
    /// The whole entry, of which `config` is a part.
    pub entry: &'a Map<String, Value>,
    /// Where it is called; a layer that is shared is called several times.
    pub calls: Vec<Call<'a>>,
    /// The model that it is.
    pub model: Option<Model<'a>>,
}

impl<'a> Layer<'a> {
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.config, self.name)
    }

    pub fn is_input(&self) -> bool {
        self.class == "InputLayer"
    }
}

/// Reads a model's entry: `{"class_name": …, "config": …}`.
///
/// # Errors
/// Where it is no Sequential or Functional model, or makes no sense.
pub(super) fn model(entry: &Value) -> Result<Model<'_>, ReadError> {
    Reader { count: 0 }.model(entry, 0)
}

/// Whether an entry is that of a model with layers.
fn is_model(class: &str, config: &Map<String, Value>) -> bool {
    let is_list = |name: &str| config.get(name).is_some_and(Value::is_array);
    matches!(class, "Model" | "Functional" | "Sequential") && is_list("layers")
        || is_list("layers") && config.contains_key("input_layers") && config.contains_key("output_layers")
}

/// The class of a layer. One that somebody registered is not Keras' own, whatever it is called, except for
/// those that `keras.applications` brings.
fn class(entry: &Map<String, Value>) -> Option<&str> {
    let class = entry.get("class_name")?.as_str()?;
    let registered = entry.get("registered_name").and_then(Value::as_str).filter(|name| name.contains('>'));
    let full = registered.unwrap_or(class);
    let own = full.rsplit('>').next().unwrap_or(full);
    Some(match own {
        "LayerScale" | "StochasticDepth" | "CustomScaleLayer" => own,
        // As TensorFlow 1.13 to 2.0 wrote them.
        _ if full == "BatchNormalizationV1" || full == "BatchNormalizationV2" => "BatchNormalization",
        _ => full,
    })
}

/// Whether an entry is one of Keras 3's operations. `.h5` files leave the module away; layers say whether
/// they are trainable, operations do not.
fn is_operation(class: &str, entry: &Map<String, Value>, config: &Map<String, Value>) -> bool {
    let nodes = entry.get("inbound_nodes").and_then(Value::as_array);
    let is_new = nodes.and_then(|nodes| nodes.first()).is_some_and(Value::is_object);
    match entry.get("module").and_then(Value::as_str) {
        Some(module) => module.contains(".ops.") || module.ends_with(".ops"),
        None => {
            let is_layer =
                class == "InputLayer" || config.contains_key("trainable") || config.contains_key("dtype");
            is_new && !is_layer
        }
    }
}

struct Reader {
    count: usize,
}

impl Reader {
    fn model<'a>(&mut self, entry: &'a Value, depth: usize) -> Result<Model<'a>, ReadError> {
        if depth > MAX_DEPTH {
            return Err(ReadError(format!(
                "its models are nested more than {MAX_DEPTH} deep, far more than any network; check what \
                 file this is"
            )));
        }
        let class = entry.get("class_name").and_then(Value::as_str).unwrap_or("a model");
        let config = entry.get("config");
        // Keras before 2.2 gives the layers of a Sequential model as a list and without a name.
        let built_for = entry.get("build_config").and_then(|build| build.get("input_shape"));
        if let (Some(Value::Array(layers)), "Sequential") = (config, class) {
            return self.sequential("sequential", layers, built_for, depth);
        }
        let Some(Value::Object(config)) = config else { return Err(no_model(class)) };
        let Some(Value::Array(layers)) = config.get("layers") else { return Err(no_model(class)) };
        let name = config.get("name").and_then(Value::as_str).unwrap_or("model");
        let (Some(inputs), Some(outputs)) = (config.get("input_layers"), config.get("output_layers")) else {
            return match class {
                "Sequential" => {
                    self.sequential(name, layers, config.get("build_input_shape").or(built_for), depth)
                }
                _ => Err(no_model(class)),
            };
        };
        let layers = self.layers(layers, depth)?;
        let names = names(&layers)?;
        let mut model = Model { name, inputs: vec![], outputs: vec![], layers: vec![], built_for };
        for (list, found) in [(inputs, &mut model.inputs), (outputs, &mut model.outputs)] {
            ends(list, &names, found)?;
        }
        let calls: Vec<Vec<Call<'a>>> =
            layers.iter().map(|layer| calls(layer.name, layer.entry, &names)).collect::<Result<_, _>>()?;
        model.layers = layers;
        for (layer, calls) in model.layers.iter_mut().zip(calls) {
            layer.calls = calls;
        }
        model.settle()?;
        Ok(model)
    }

    /// A chain; the model's input stands in front of it, as an entry of its own or not.
    fn sequential<'a>(
        &mut self,
        name: &'a str,
        entries: &'a [Value],
        built_for: Option<&'a Value>,
        depth: usize,
    ) -> Result<Model<'a>, ReadError> {
        let mut layers = self.layers(entries, depth)?;
        if !layers.first().is_some_and(Layer::is_input) {
            let (config, entry) =
                (layers.first()).map_or((&*NOTHING, &*NOTHING), |first| (first.config, first.entry));
            layers.insert(0, Layer { id: self.next()?, name: "input", ..input(config, entry) });
        }
        for (index, layer) in layers.iter_mut().enumerate() {
            let mut call = Call::default();
            if let Some(before) = index.checked_sub(1) {
                call.arguments.push(Argument::Tensor(Reference { layer: before, call: 0, tensor: 0 }));
            }
            layer.calls = vec![call];
        }
        let end = |layer| vec![Reference { layer, call: 0, tensor: 0 }];
        Ok(Model { name, inputs: end(0), outputs: end(layers.len() - 1), layers, built_for })
    }

    fn layers<'a>(&mut self, entries: &'a [Value], depth: usize) -> Result<Vec<Layer<'a>>, ReadError> {
        entries.iter().map(|entry| self.layer(entry, depth)).collect()
    }

    fn layer<'a>(&mut self, value: &'a Value, depth: usize) -> Result<Layer<'a>, ReadError> {
        let wrong =
            || ReadError("one of its layers has no class or no configuration; save the model anew".into());
        let entry = value.as_object().ok_or_else(wrong)?;
        let class = class(entry).ok_or_else(wrong)?;
        let (config, own) = match entry.get("config") {
            Some(Value::Object(config)) => (config, config.get("name")),
            // The layers of a Sequential model before Keras 2.2.
            Some(Value::Array(_)) if class == "Sequential" => (&*NOTHING, None),
            _ => return Err(wrong()),
        };
        let name = entry.get("name").or(own).and_then(Value::as_str).unwrap_or(class);
        let is_operation = is_operation(class, entry, config);
        let id = self.next()?;
        let is_list = entry.get("config").is_some_and(Value::is_array);
        let model = match is_list || is_model(class, config) {
            true => Some(self.model(value, depth + 1)?),
            false => None,
        };
        Ok(Layer { id, class, is_operation, name, config, entry, calls: vec![], model })
    }

    fn next(&mut self) -> Result<usize, ReadError> {
        self.count += 1;
        if self.count > MAX_LAYERS {
            return Err(ReadError(format!(
                "it has more than {MAX_LAYERS} layers, far more than any network that is read; check what \
                 file this is"
            )));
        }
        Ok(self.count)
    }
}

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

fn input<'a>(config: &'a Map<String, Value>, entry: &'a Map<String, Value>) -> Layer<'a> {
    Layer {
        id: 0,
        class: "InputLayer",
        is_operation: false,
        name: "",
        config,
        entry,
        calls: vec![],
        model: None,
    }
}

fn no_model(class: &str) -> ReadError {
    ReadError(format!(
        "`{class}` is a class of its own, whose layers hang together in Python code that is not in the file; \
         build it as a Functional or Sequential model, or export it as ONNX"
    ))
}

fn names<'a>(layers: &[Layer<'a>]) -> Result<Names<'a>, ReadError> {
    let mut names = Names::new();
    for (index, layer) in layers.iter().enumerate() {
        if names.insert(layer.name, index).is_some() {
            return Err(ReadError(format!(
                "two of its layers are called `{}`; save the model anew",
                layer.name
            )));
        }
    }
    Ok(names)
}

/// `["input_1", 0, 0]`, a list of such, or a dictionary of such.
fn ends(value: &Value, names: &Names<'_>, found: &mut Vec<Reference>) -> Result<(), ReadError> {
    if let Some(reference) = reference(value, names)? {
        found.push(reference);
        return Ok(());
    }
    match value {
        Value::Array(parts) => parts.iter().try_for_each(|part| ends(part, names, found)),
        Value::Object(parts) if parts.contains_key("items") => ends(&parts["items"], names, found),
        Value::Object(parts) => parts.values().try_for_each(|part| ends(part, names, found)),
        _ => Ok(()),
    }
}

impl Model<'_> {
    /// Makes every reference one to a call that is there. Models that are layers count their own building as
    /// the first call, and other layers may count calls outside the model: what is referred to are the last
    /// ones.
    fn settle(&mut self) -> Result<(), ReadError> {
        let mut highest = vec![0; self.layers.len()];
        self.each_reference(|reference| {
            highest[reference.layer] = highest[reference.layer].max(reference.call);
            Some(())
        });
        let counts: Vec<usize> = self.layers.iter().map(|layer| layer.calls.len()).collect();
        let mut stray = None;
        self.each_reference(|reference| {
            let beyond = (highest[reference.layer] + 1).saturating_sub(counts[reference.layer]);
            match reference.call.checked_sub(beyond) {
                Some(call) => reference.call = call,
                None => stray = Some(reference.layer),
            }
            stray.is_none().then_some(())
        });
        match stray {
            Some(layer) => Err(ReadError(format!(
                "something reads more calls of `{}` than there are; save the model anew",
                self.layers[layer].name
            ))),
            None => Ok(()),
        }
    }

    /// Calls this with every reference, until it says `None`.
    fn each_reference(&mut self, mut then: impl FnMut(&mut Reference) -> Option<()>) {
        let ends = self.inputs.iter_mut().chain(&mut self.outputs);
        for reference in ends {
            if then(reference).is_none() {
                return;
            }
        }
        for call in self.layers.iter_mut().flat_map(|layer| &mut layer.calls) {
            let keywords = call.keywords.iter_mut().map(|(_, argument)| argument);
            let mut waiting: Vec<&mut Argument<'_>> = call.arguments.iter_mut().chain(keywords).collect();
            while let Some(argument) = waiting.pop() {
                match argument {
                    Argument::Tensor(reference) => {
                        if then(reference).is_none() {
                            return;
                        }
                    }
                    Argument::List(parts) => waiting.extend(parts),
                    Argument::Constant(_) => {}
                }
            }
        }
    }
}
