//! What lies beside the weights in a folder of the Hugging Face hub: names of classes, and how pictures are prepared.
//! (transformers' `config.json` and `preprocessor_config.json`, timm's `config.json`.)

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value as Json;

use super::conventions::Known;
use super::pieces::json;
use crate::model::InputScale;

/// What a folder tells of the network whose weights lie in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hub {
    /// By number.
    pub class_names: Option<Vec<String>>,
    /// What the input expects.
    pub input_scale: Option<Known<InputScale>>,
    /// Its height and width.
    pub input_size: Option<[usize; 2]>,
    /// What was said of it, in a sentence.
    pub note: Option<String>,
}

const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const FROM_CONFIG: &str = "says config.json";
const FROM_PREPROCESSOR: &str = "says preprocessor_config.json";

/// Numbers of classes that are believed.
const MOST_CLASSES: usize = 100_000;

/// Sides of an input that are believed.
const SIDES: std::ops::RangeInclusive<u64> = 1..=4096;

/// Reads what a folder has of it.
pub fn beside(folder: &Path) -> Hub {
    let config = json(&folder.join(CONFIG)).filter(|config| {
        ["architectures", "architecture", "id2label", "model_type"]
            .iter()
            .any(|key| config.get(key).is_some())
    });
    of(config.as_ref(), json(&folder.join(PREPROCESSOR)).as_ref())
}

fn of(config: Option<&Json>, preprocessor: Option<&Json>) -> Hub {
    let mut hub = Hub { class_names: config.and_then(class_names), ..Hub::default() };
    let pretrained = config.and_then(|config| config.get("pretrained_cfg"));
    let is_scaled = |json: &Json| json.get("do_rescale") != Some(&Json::Bool(false));
    let (mut option, mut from) = (None, vec![]);
    if let Some(of_timm) = pretrained.or(config) {
        hub.input_scale = scale(of_timm, "mean", "std").map(|value| Known { value, from: FROM_CONFIG });
        hub.input_size = of_timm.get("input_size").and_then(sides);
        let interpolation = of_timm.get("interpolation").and_then(Json::as_str);
        let crop = of_timm.get("crop_pct").and_then(Json::as_f64);
        option = match (interpolation, crop) {
            (Some("bicubic"), Some(0.875)) => Some("--like timm"),
            (Some("bicubic"), _) => Some("--resize bicubic"),
            (Some("bilinear"), _) => Some("--resize antialias"),
            _ => None,
        };
    }
    if hub.class_names.is_some() || hub.input_scale.is_some() || hub.input_size.is_some() {
        from.push(CONFIG);
    }
    if let Some(own) = preprocessor.filter(|own| is_scaled(own)) {
        let normalises = own.get("do_normalize") != Some(&Json::Bool(false));
        let value =
            if normalises { scale(own, "image_mean", "image_std") } else { Some(InputScale::ZeroToOne) };
        if let Some(value) = value.filter(|_| factor_is_usual(own)) {
            hub.input_scale = Some(Known { value, from: FROM_PREPROCESSOR });
        }
        let size = ["crop_size", "size"].iter().find_map(|key| own.get(key).and_then(sides));
        hub.input_size = size.or(hub.input_size);
        // Numbers of PIL's filters.
        option = match own.get("resample").and_then(Json::as_u64) {
            Some(2) => Some("--resize antialias"),
            Some(3) => Some("--resize bicubic"),
            _ => option,
        };
        from.push(PREPROCESSOR);
    }
    let told = [
        hub.class_names.as_ref().map(|_| "names of classes"),
        hub.input_scale.map(|_| "input scale"),
        hub.input_size.map(|_| "input size"),
    ];
    let told: Vec<&str> = told.into_iter().flatten().collect();
    let resized =
        option.map(|option| format!("; {option} resizes pictures as it expects")).unwrap_or_default();
    hub.note = (!told.is_empty())
        .then(|| format!("{} as {} beside the weights tells{resized}", told.join(", "), from.join(" and ")));
    hub
}

/// `id2label` of transformers, `label_names` of timm. Names that only count (`LABEL_3`) are none.
fn class_names(config: &Json) -> Option<Vec<String>> {
    if let Some(names) = config.get("label_names").and_then(Json::as_array) {
        return names.iter().map(|name| name.as_str().map(String::from)).collect::<Option<_>>();
    }
    let labels = config.get("id2label")?.as_object().filter(|labels| labels.len() <= MOST_CLASSES)?;
    let mut names = vec![None; labels.len()];
    for (number, name) in labels {
        *names.get_mut(number.parse::<usize>().ok()?)? = name.as_str().map(String::from);
    }
    let names: Vec<String> = names.into_iter().collect::<Option<_>>()?;
    let is_number = |(number, name): (usize, &String)| *name == format!("LABEL_{number}");
    (!names.is_empty() && !names.iter().enumerate().all(is_number)).then_some(names)
}

fn scale(json: &Json, mean: &str, deviation: &str) -> Option<InputScale> {
    let three = |key: &str| -> Option<[f32; 3]> {
        let numbers = json.get(key)?.as_array()?.iter().map(|number| Some(number.as_f64()? as f32));
        numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
    };
    let (mean, deviation) = (three(mean)?, three(deviation)?);
    let own = InputScale::normalized(mean, deviation).ok()?;
    let is_same = |scale: &InputScale| {
        let ((divisor, offset), (own_divisor, own_offset)) =
            (scale.divisor_and_offset(), own.divisor_and_offset());
        let pairs = divisor.into_iter().zip(own_divisor).chain(offset.into_iter().zip(own_offset));
        pairs.into_iter().all(|(one, other)| (one - other).abs() <= 1e-4 * one.abs().max(1e-3))
    };
    let named = [InputScale::MinusOneToOne, InputScale::ZeroToOne, InputScale::Imagenet];
    Some(named.into_iter().find(is_same).unwrap_or(own))
}

/// Whether levels become 0 to 1 before the mean is taken off.
fn factor_is_usual(json: &Json) -> bool {
    let factor = json.get("rescale_factor").and_then(Json::as_f64);
    factor.is_none_or(|factor| (factor * 255.0 - 1.0).abs() < 1e-3)
        && json.get("offset").and_then(Json::as_bool) != Some(true)
}

/// Height and width: `[3, 299, 299]`, `{"height": 224, "width": 224}`, `{"shortest_edge": 224}`, 224.
fn sides(json: &Json) -> Option<[usize; 2]> {
    let side = |json: &Json| json.as_u64().filter(|side| SIDES.contains(side)).map(|side| side as usize);
    if let Some(side) = side(json) {
        return Some([side; 2]);
    }
    if let Some(list) = json.as_array() {
        return match list.as_slice() {
            [_, height, width] | [height, width] => Some([side(height)?, side(width)?]),
            _ => None,
        };
    }
    let of = |key: &str| json.get(key).and_then(side);
    of("height")
        .zip(of("width"))
        .map(|(height, width)| [height, width])
        .or(of("shortest_edge").map(|side| [side; 2]))
}
