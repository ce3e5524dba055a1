//! Configurations as the libraries write them, shortened.

use super::*;
use serde_json::json;

#[test]
fn timm_tells_scale_and_size() {
    let config = json!({"architecture": "inception_v3", "num_classes": 2, "label_names": ["cat", "dog"], "pretrained_cfg": {
        "input_size": [3, 299, 299], "interpolation": "bicubic", "crop_pct": 0.875, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}});
    let hub = of(Some(&config), None);
    let scale = Known { value: InputScale::MinusOneToOne, from: FROM_CONFIG };
    assert_eq!((hub.input_scale, hub.input_size), (Some(scale), Some([299, 299])));
    assert_eq!(hub.class_names.unwrap(), ["cat", "dog"]);
    let note = hub.note.unwrap();
    assert!(
        note.contains("names of classes, input scale, input size as config.json")
            && note.contains("--like timm")
    );
}

#[test]
fn transformers_tells_names_and_preparation() {
    let config = json!({"architectures": ["X"], "id2label": {"1": "dog", "0": "cat"}});
    let preprocessor = json!({"do_normalize": true, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
        "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 192}, "resample": 2});
    let hub = of(Some(&config), Some(&preprocessor));
    assert_eq!(hub.class_names.unwrap(), ["cat", "dog"]);
    let scale = Known { value: InputScale::Imagenet, from: FROM_PREPROCESSOR };
    assert_eq!((hub.input_scale, hub.input_size), (Some(scale), Some([224, 192])));
    assert!(
        hub.note.unwrap().contains(
            "config.json and preprocessor_config.json beside the weights tells; --resize antialias"
        )
    );
    let with = |change: serde_json::Value| of(None, Some(&change)).input_scale.map(|known| known.value);
    let own = json!({"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "size": 224});
    assert_eq!(with(own).unwrap(), InputScale::normalized([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]).unwrap());
    assert_eq!(with(json!({"do_normalize": false})), Some(InputScale::ZeroToOne));
    // What would have to be understood whole is left.
    assert_eq!(
        with(json!({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "rescale_factor": 0.0078})),
        None
    );
    assert_eq!(
        with(json!({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_rescale": false})),
        None
    );
    assert_eq!(with(json!({"image_mean": [0.5], "image_std": [0.0, 1.0, 1.0]})), None);
}

#[test]
fn numbers_are_no_names() {
    let names = |labels: serde_json::Value| of(Some(&json!({"id2label": labels})), None).class_names;
    assert_eq!(names(json!({"0": "LABEL_0", "1": "LABEL_1"})), None);
    assert_eq!(names(json!({"0": "a", "2": "b"})), None);
    assert_eq!(names(json!({"0": "a", "x": "b"})), None);
    assert_eq!(names(json!({"0": 7})), None);
    assert_eq!(names(json!({})), None);
    assert_eq!(of(Some(&json!({})), None), Hub::default());
    assert_eq!(of(None, Some(&json!({"resample": 3, "image_mean": 7}))), Hub::default());
}
