use super::*;
use crate::model::inception_v3::inception_v3;
use crate::model::{Change, Edit, InputScale, Shape};

#[test]
fn interventions_are_read_said_and_typed_again() {
    let graph = inception_v3(4, 0.25);
    let of = |kind: Kind, text: &str| {
        let read = Intervention::parse(kind, text, &graph).unwrap();
        let typed = read.typed(&graph);
        let again = typed.strip_prefix(&format!("--{} ", kind.flag())).unwrap();
        assert_eq!(Intervention::parse(kind, again, &graph).unwrap(), read, "{typed}");
        read.in_words(&graph)
    };
    assert_eq!(of(Kind::Muted, "mixed5:3,17"), "mixed5: channels 3 and 17 muted");
    assert_eq!(of(Kind::Muted, "mixed5:0..9"), "mixed5: channels 0, 1, 2, 3, 4, 5 and 3 more muted");
    assert_eq!(of(Kind::Times(1.0), "mixed5:3x2.5"), "mixed5: channel 3 × 2.5");
    assert_eq!(of(Kind::Set(0.0), "mixed5:3=-0.25"), "mixed5: channel 3 = -0.250");
    assert_eq!(of(Kind::Alone, "40:1"), "mixed0: all but channel 1 muted");
    let why = |text: &str| Intervention::parse(Kind::Muted, text, &graph).unwrap_err().to_string();
    assert!(why("mixed5").contains("LAYER:CHANNELS"));
    assert!(why("mixed5:a").contains("LAYER:CHANNELS") && why("mixed5:5..5").contains("LAYER:CHANNELS"));
    assert!(why("mixd5:3").contains("did you mean `mixed5`"));
    assert!(why("mixed5:9999").ends_with("from 0 to 191"));
    let cover: Cover = "0.5,0.25:32:blur".parse().unwrap();
    assert_eq!(cover.typed(), "--cover 0.5,0.25:32:blur");
    assert!("0.5,2:32".parse::<Cover>().is_err() && "0.5,0.5:0".parse::<Cover>().is_err());
}

#[test]
fn a_channel_has_one_change_at_a_time_and_loses_it_again() {
    let graph = inception_v3(4, 0.25);
    let mut experiment = Experiment::default();
    experiment.toggle(40, 3, Kind::Muted);
    experiment.toggle(40, 5, Kind::Muted);
    experiment.toggle(40, 3, Kind::Times(2.0));
    experiment.toggle(63, 1, Kind::Muted);
    let zero = |layer, channel| Edit { layer, channel, change: Change::Set(0.0) };
    let boosted = Edit { layer: 40, channel: 3, change: Change::Times(2.0) };
    assert_eq!(experiment.edits(&graph), [zero(40, 5), boosted, zero(63, 1)]);
    experiment.toggle(40, 3, Kind::Times(2.0));
    experiment.toggle(40, 5, Kind::Alone);
    assert_eq!(experiment.edits(&graph).len(), graph.nodes[40].shape.channels);
    assert!(experiment.of(40, 5).is_none() && experiment.of(40, 4).is_some());
    experiment.toggle(40, 5, Kind::Alone);
    experiment.toggle(63, 1, Kind::Muted);
    assert!(experiment.is_empty());
}

#[test]
fn a_square_covers_what_lies_on_the_picture() {
    let shape = Shape { channels: 3, height: 4, width: 6 };
    let values: Vec<f32> = (0..shape.len()).map(|at| at as f32).collect();
    let cover = Cover { at: [0.0, 0.5], size: 4, fill: Fill::Grey };
    assert_eq!(cover.area(shape), [[0, 4], [0, 2]]);
    let mut covered = values.clone();
    cover.apply(&mut covered, shape, InputScale::Levels);
    for (at, (new, old)) in covered.iter().zip(&values).enumerate() {
        assert_eq!(*new, if at % 6 < 2 { 127.5 } else { *old });
    }
    let mean = Fill::Mean.picture(&values, shape, InputScale::Levels, 4);
    assert_eq!((mean[0], mean[24]), (11.5, 35.5));
    let flat = vec![0.25; shape.len()];
    let blurred = Fill::Blur.picture(&flat, shape, InputScale::Levels, 4);
    assert!(blurred.iter().all(|value| (value - 0.25).abs() < 1e-6));
}
