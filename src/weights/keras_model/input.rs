//! The input of a model: its size, which the file may leave open.

use serde_json::Value as Json;

use super::config::list;
use super::topology::{Layer, Model};
use crate::model::Shape;
use crate::weights::described::ReadOptions;
use crate::weights::file::ReadError;

/// What is put in.
#[derive(Debug)]
pub(super) struct Input {
    pub shape: Shape,
    /// In Keras' order.
    pub sides: Vec<usize>,
    pub channels_first: bool,
    /// Levels from 0 to 255, as the type says.
    pub is_integer: bool,
    pub notes: Vec<String>,
}

/// Sides of a picture where nothing is told.
const USUAL_SIDE: usize = 224;

/// The same of Inception and Xception.
const INCEPTION_SIDE: usize = 299;

pub(super) fn of(model: &Model<'_>, options: ReadOptions<'_>) -> Result<Input, ReadError> {
    let [input] = model.inputs[..] else {
        let names: Vec<&str> =
            model.inputs.iter().take(6).map(|input| model.layers[input.layer].name).collect();
        return Err(ReadError(format!(
            "it has {} inputs ({}), and one picture is all that there is; make a model of one input in Keras \
             and save it",
            model.inputs.len(),
            names.join(", ")
        )));
    };
    let layer = &model.layers[input.layer];
    let Some(told) = shape(model, 0) else {
        return Err(ReadError(
            "the size of its input is not in the file: the model was saved before it was built; call it \
             once, or give it an `InputLayer`, and save it anew"
                .into(),
        ));
    };
    let channels_first = is_channels_first(model).unwrap_or(false);
    let (height, width, channels) = match told[..] {
        [height, width] => (height, width, Some(1)),
        [channels, height, width] if channels_first => (height, width, channels),
        [height, width, channels] => (height, width, channels),
        _ => {
            let sides: Vec<String> =
                told.iter().map(|side| side.map_or_else(|| "any".into(), |side| side.to_string())).collect();
            return Err(ReadError(format!(
                "its input `{}` is {}, which is no picture; only networks that look at pictures are shown",
                layer.name,
                sides.join(" × ")
            )));
        }
    };
    let mut notes = vec![];
    let usual = match is_inception(model) {
        true => INCEPTION_SIDE,
        false => USUAL_SIDE,
    };
    let size = options.input_size.unwrap_or([usual; 2]);
    if (height.is_none() || width.is_none()) && options.input_size.is_none() {
        notes.push(format!(
            "the file leaves the size of the input open: {}×{} is a guess",
            height.unwrap_or(size[0]),
            width.unwrap_or(size[1])
        ));
    }
    if let ([Some(height), Some(width)], Some(wanted)) = ([height, width], options.input_size)
        && [height, width] != wanted
    {
        notes.push(format!("the network is made for {height}×{width}, and so it stays"));
    }
    if channels.is_none() {
        notes.push("the file leaves the number of colours open: 3 is a guess".into());
    }
    let sides = [channels.unwrap_or(3), height.unwrap_or(size[0]), width.unwrap_or(size[1])];
    let shape = Shape::checked(sides).ok_or_else(|| {
        ReadError(format!("its input is {}×{}×{}, which is no picture", sides[1], sides[2], sides[0]))
    })?;
    let sides = match channels_first && told.len() == 3 {
        true => sides.into(),
        false => vec![shape.height, shape.width, shape.channels],
    };
    let is_integer =
        layer.fields().get("dtype").and_then(Json::as_str).is_some_and(|dtype| dtype.contains("int"));
    Ok(Input { shape, sides, channels_first, is_integer, notes })
}

/// The input's side lengths without the batch.
fn shape(model: &Model<'_>, depth: usize) -> Option<Vec<Option<usize>>> {
    let layer = &model.layers[model.inputs.first()?.layer];
    let fields = layer.fields();
    let build =
        |entry: &serde_json::Map<String, Json>| entry.get("build_config")?.get("input_shape").cloned();
    let own =
        [fields.get("batch_shape").cloned(), fields.get("batch_input_shape").cloned(), build(layer.entry)];
    let told = own.iter().flatten().chain(model.built_for).find_map(sides);
    // A chain that begins with a model.
    told.or_else(|| shape(model.layers.get(1)?.model.as_ref().filter(|_| depth < 32)?, depth + 1))
}

fn sides(value: &Json) -> Option<Vec<Option<usize>>> {
    let (_, sides) = list(value)?.split_first()?;
    sides
        .iter()
        .map(|side| match side {
            Json::Null => Some(None),
            side => super::config::count(side).filter(|&side| side > 0).map(Some),
        })
        .collect()
}

/// What the first layer says that has an opinion.
fn is_channels_first(model: &Model<'_>) -> Option<bool> {
    let says = |layer: &Layer<'_>| match &layer.model {
        Some(inner) => is_channels_first(inner),
        None if !layer.class.contains("2D") => None,
        None => match layer.config.get("data_format")?.as_str()? {
            "channels_first" => Some(true),
            "channels_last" => Some(false),
            _ => None,
        },
    };
    model.layers.iter().find_map(says)
}

/// Whether it is one of the networks that look at 299×299 pixels.
fn is_inception(model: &Model<'_>) -> bool {
    let is_it =
        |name: &str| name.to_lowercase().contains("inception") || name.to_lowercase().contains("xception");
    let inner = model.layers.iter().filter_map(|layer| layer.model.as_ref());
    is_it(model.name)
        || model.layers.iter().any(|layer| layer.name == "mixed7")
        || inner.into_iter().any(is_inception)
}
