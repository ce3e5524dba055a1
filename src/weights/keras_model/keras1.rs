//! Keras 1's configuration in the words of Keras 2.

use serde_json::{Map, Value, json};

/// Whether a file is of Keras 1: by its version, or by layers that only Keras 1 has.
pub(super) fn is_old(version: &str, config: &Value) -> bool {
    let is_old_layer = |layer: &Value| {
        let fields = layer.get("config");
        fields.is_some_and(|fields| fields.get("nb_filter").is_some() || fields.get("output_dim").is_some())
    };
    let layers = config.get("config").map(|config| config.get("layers").unwrap_or(config));
    version.starts_with("1.")
        || version.is_empty()
            && layers.and_then(Value::as_array).is_some_and(|layers| layers.iter().any(is_old_layer))
}

/// Renames classes and fields of all layers, those of inner models included.
pub(super) fn modernise(config: &mut Value) {
    let mut waiting = vec![config];
    while let Some(entry) = waiting.pop() {
        let Value::Object(entry) = entry else { continue };
        layer(entry);
        let Some(config) = entry.get_mut("config") else { continue };
        match config {
            Value::Array(layers) => waiting.extend(layers),
            Value::Object(config) => {
                if let Some(Value::Array(layers)) = config.get_mut("layers") {
                    waiting.extend(layers);
                }
            }
            _ => {}
        }
    }
}

fn layer(entry: &mut Map<String, Value>) {
    let Some(Value::String(class)) = entry.get("class_name") else { return };
    let class = class.clone();
    let Some(Value::Object(fields)) = entry.get_mut("config") else { return };
    let new_class = match class.as_str() {
        "Convolution2D" | "AtrousConvolution2D" => "Conv2D",
        "SeparableConvolution2D" => "SeparableConv2D",
        "Deconvolution2D" => "Conv2DTranspose",
        "Merge" => {
            if let Some(axis) = fields.get("concat_axis").cloned() {
                fields.insert("axis".into(), axis);
            }
            match fields.get("mode").and_then(Value::as_str) {
                Some("concat") => "Concatenate",
                Some("sum") => "Add",
                Some("mul") => "Multiply",
                Some("ave") => "Average",
                Some("max") => "Maximum",
                _ => "Merge",
            }
        }
        other => other,
    };
    if let (Some(rows), Some(columns)) = (fields.get("nb_row").cloned(), fields.get("nb_col").cloned()) {
        fields.insert("kernel_size".into(), json!([rows, columns]));
    }
    for (old, new) in [
        ("nb_filter", "filters"),
        ("border_mode", "padding"),
        ("subsample", "strides"),
        ("atrous_rate", "dilation_rate"),
        ("output_dim", "units"),
        ("bias", "use_bias"),
        ("p", "rate"),
    ] {
        // A padding layer's own `padding` is no border mode.
        if let Some(value) = fields.get(old).cloned()
            && !fields.contains_key(new)
        {
            fields.insert(new.into(), value);
        }
    }
    let layout = match fields.get("dim_ordering").and_then(Value::as_str) {
        Some("th") => Some("channels_first"),
        Some("tf") => Some("channels_last"),
        _ => None,
    };
    // Keras 1 flattens values as they lie.
    if let Some(layout) = layout.filter(|_| class != "Flatten") {
        fields.insert("data_format".into(), layout.into());
    }
    entry.insert("class_name".into(), new_class.into());
}
