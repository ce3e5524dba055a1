use super::*;
use crate::inspect::LayerOutput;
use crate::model::inception_v3::inception_v3;
use crate::model::labels::named;
use crate::model::{Place, Shape};

#[test]
fn origins_are_read_said_and_typed_again() {
    let graph = inception_v3(4, 0.25);
    let labels = named(&["tabby", "tiger cat", "T-shirt", "well-mixed0:3"]);
    let of = |text: &str| {
        let origin = TraceOrigin::parse(text, &graph, &labels).unwrap();
        let again = TraceOrigin::parse(&origin.typed(&graph), &graph, &labels).unwrap();
        assert_eq!(origin, again, "{text}");
        origin.in_words(&graph, &labels)
    };
    assert_eq!(of("mixed5:12"), "mixed5 channel 12, its strongest cell");
    assert_eq!(of("mixed5:12@3,5"), "mixed5 channel 12, its cell at row 3, column 5");
    assert_eq!(of("40 : 1 @mean"), "mixed0 channel 1, the mean of its cells");
    assert_eq!(of("avg_pool:7"), "avg_pool channel 7");
    assert_eq!(of("class:Tabby"), "class tabby (logit)");
    assert_eq!(of("class:top"), "the most probable class (logit)");
    assert_eq!(of("class:tabby-class:tiger_cat"), "class tabby − class tiger cat (logits)");
    assert_eq!(of("class:T-shirt+class:1"), "class T-shirt + class tiger cat (logits)");
    assert_eq!(
        of("class:t-shirt - mixed5:3"),
        "class T-shirt (logit) − mixed5 channel 3, its strongest cell"
    );
    assert_eq!(of("-mixed5:3@mean"), "−mixed5 channel 3, the mean of its cells");
}

#[test]
fn mistakes_are_told_in_one_sentence() {
    let graph = inception_v3(4, 0.25);
    let labels = named(&["tabby", "tiger cat", "car", "cup"]);
    let why = |text: &str| TraceOrigin::parse(text, &graph, &labels).unwrap_err().to_string();
    assert!(why("mixed5").contains("LAYER:CHANNEL"));
    assert!(why("mixed5:a").contains("LAYER:CHANNEL"));
    assert!(why("mixd5:3").contains("did you mean `mixed5`"));
    assert!(why("mixed5:99999").ends_with("from 0 to 191"), "{}", why("mixed5:99999"));
    assert!(why("mixed5:3@17,0").contains("17 rows"));
    assert!(why("class:tabi").contains("did you mean `tabby`"));
    assert!(why("class:9").contains("from 0 to 3"));
    assert!(why("class:tabby-class:").contains("names no unit"));
    assert!(why(&"mixed5:3+".repeat(17)).contains("at most 16"));
    let maps = inception_v3(0, 0.25);
    let why = TraceOrigin::parse("class:top", &maps, &[]).unwrap_err().to_string();
    assert!(why.contains("no classes"), "{why}");
}

#[test]
fn the_picture_says_which_cell_and_which_class() {
    let graph = inception_v3(4, 0.25);
    let labels = named(&["tabby", "tiger cat", "car", "cup"]);
    let origin = TraceOrigin::parse("mixed5:1-class:top", &graph, &labels).unwrap();
    assert!(origin.wants_top() && origin.units(&graph, 4).is_none());
    let layer = graph.find("mixed5").unwrap();
    assert_eq!(origin.sought_layers(), [layer]);
    let shape = Shape { channels: 2, height: 2, width: 3 };
    let values = vec![9.0, 0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0, 1.0, 2.0, 2.0];
    let origin = origin.with_top(2).with_strongest(&[LayerOutput { layer, shape, values }]);
    let words = "mixed5 channel 1, its strongest cell (row 1, column 1) − class car (logit)";
    assert_eq!(origin.in_words(&graph, &labels), words);
    let units = origin.units(&graph, 4).unwrap();
    assert_eq!((units[0].place, units[0].weight), (Place::Cell(1, 1), 1.0));
    assert_eq!((units[1].weight, units[1].before_activation), (-1.0, true));
    let info = serde_json::to_value(origin.info(&graph, &labels)).unwrap();
    assert_eq!(info["units"][0]["cell"], serde_json::json!([1, 1]));
    assert_eq!((&info["units"][1]["kind"], &info["units"][1]["name"]), (&"class".into(), &"car".into()));
}
