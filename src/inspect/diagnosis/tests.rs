use super::*;
use crate::inspect::similarity::tests::noise;
use crate::model::{Activation, GraphBuilder, Meaning, NewNode, Op, Order, Reduction, Shape, Window};

/// Input, convolution, ReLU, global mean; `channels` of 8×8 cells that see 3×3 of `side` pixels.
fn graph(channels: usize, side: usize) -> Graph {
    let stride = (side - 3) / 7;
    let window = Window::new([3, 3], [stride, stride], [0, 0]);
    let mut net = GraphBuilder::new(Shape { channels: 3, height: side, width: side }, "all");
    let shape = Some(Shape::vector(channels));
    let conv = net.push(NewNode { shape, ..NewNode::new(Op::Conv(window, 1), &[0], "conv2d") }).unwrap();
    let activation = Activation::Relu;
    let relu = net.push(NewNode { activation, ..NewNode::new(Op::Activation, &[conv], "activation") });
    let relu = relu.unwrap();
    let mean = Op::GlobalPool(Reduction::Mean);
    let pool = net.push(NewNode::new(mean, &[relu], "avg_pool")).unwrap();
    let graph = net.finish("Tiny", 1.0, &[(pool, Meaning::Numbers)], Order::Created);
    assert_eq!(graph.nodes[2].shape, Shape { channels, height: 8, width: 8 });
    graph
}

/// The ReLU's sentence after pictures on which channel `c` shows `map(c, light, noise)`.
fn diagnosis(
    graph: &Graph,
    pictures: usize,
    map: impl Fn(usize, f32, &mut dyn FnMut() -> f32) -> f32,
) -> Diagnosis {
    let mut relu = LayerExamination::new(graph, 2, false);
    let mut pool = LayerExamination::new(graph, 3, false);
    let shape = graph.nodes[2].shape;
    for picture in 0..pictures {
        let mut light_noise = noise(100 + picture as u64);
        let mut next = noise(picture as u64);
        let light: Vec<f32> = (0..64).map(|_| light_noise()).collect();
        let cell = |index: usize| map(index / 64, light[index % 64], &mut next);
        let values: Vec<f32> = (0..shape.len()).map(cell).collect();
        let means = values.chunks_exact(64).map(|map| map.iter().sum::<f32>() / 64.0).collect();
        relu.observe(&LayerOutput { layer: 2, shape, values }, &light);
        let single = Shape { height: 1, width: 1, ..shape };
        pool.observe(&LayerOutput { layer: 3, shape: single, values: means }, &light[..1]);
    }
    Diagnosis::new(&graph.name, true, &[relu, pool], Thresholds::default())
}

fn healthy(next: &mut dyn FnMut() -> f32) -> f32 {
    next().max(0.0)
}

#[test]
fn nothing_wrong() {
    let found = diagnosis(&graph(64, 299), 8, |_, _, next| healthy(next));
    let layer = &found.layers[0];
    assert_eq!(layer.sentence, "All 64 maps carry something.");
    assert_eq!(found.layers[1].sentence, "All 64 values are above zero on some picture.");
    assert_eq!((layer.rectified, layer.shape, &*layer.operation), (true, [64, 8, 8], "ReLU"));
    assert!(layer.dead.is_empty() && layer.copies.is_empty() && layer.duplicates.is_empty());
    assert!(layer.zeros_mean.is_some_and(|zeros| (zeros - 0.5).abs() < 0.02) && layer.zeros.len() == 64);
    assert!(found.notes.is_empty());
    let found = diagnosis(&graph(1, 299), 8, |_, _, next| healthy(next));
    assert_eq!(found.layers[0].sentence, "The only map carries something.");
}

#[test]
fn everything_wrong() {
    let map = |channel: usize, light: f32, next: &mut dyn FnMut() -> f32| match channel {
        3 | 9 => 0.0,
        4..=10 => 0.5 + 0.001 * next().abs(),
        11 => 2.0 + light + 0.1 * next(),
        12 => 2.0 - light + 0.1 * next(),
        13 => 3.0 - 2.0 * light + 0.2 * next(),
        14 => f32::NAN,
        _ => healthy(next),
    };
    let found = diagnosis(&graph(64, 299), 8, map);
    let layer = &found.layers[0];
    assert_eq!((&layer.dead, &layer.silent), (&vec![3, 9], &vec![3, 9]));
    assert_eq!((&layer.solid, &layer.broken), (&vec![4, 5, 6, 7, 8, 10], &vec![14]));
    assert_eq!(layer.always_on, [4, 5, 6, 7, 8, 10, 11, 12, 13]);
    assert_eq!(layer.copies.iter().map(|c| c.channel).collect::<Vec<_>>(), [11, 12, 13]);
    assert!(layer.copies[0].correlation > 0.9 && layer.copies[1].correlation < -0.9);
    assert_eq!(layer.duplicates.iter().map(|d| (d.channel, d.of)).collect::<Vec<_>>(), [(13, 12)]);
    assert_eq!(
        layer.sentence,
        "1 of 64 maps holds no numbers (14): look for NaN or infinity in weights and input; \
         2 are dead (3, 9), 6 are solid (4, 5, 6, 7 and 2 more) and 1 nearly repeats an earlier one (13 like 12): \
         perhaps too many filters; \
         3 follow the input's brightness (11, 12, 13), 2 of them inverted: \
         common and useful so early (a cell sees 3×3 pixels); \
         9 are never at zero (4, 5, 6, 7 and 5 more), so the ReLU changes nothing there."
    );
    assert_eq!(
        found.layers[1].sentence,
        "1 of 64 values holds no numbers (14): look for NaN or infinity in weights and input; 2 are dead (3, 9)."
    );
    assert!(found.notes.iter().any(|note| note.starts_with("dead means")));
}

#[test]
fn singular_and_late_copies() {
    let map = |channel: usize, light: f32, next: &mut dyn FnMut() -> f32| match channel {
        2 => (1.0 - light).max(0.1),
        5 => 0.0,
        _ => healthy(next),
    };
    let sentence = |channels, side| diagnosis(&graph(channels, side), 8, map).layers[0].sentence.clone();
    assert_eq!(
        sentence(64, 38),
        "1 of 64 maps is dead (5); 1 follows the input's brightness (2), inverted: it has learned little; \
         1 is never at zero (2), so the ReLU changes nothing there."
    );
    // One of ten is more than a twentieth.
    assert!(sentence(10, 38).starts_with("1 of 10 maps is dead (5): perhaps too many filters; 1 follows"));
}

#[test]
fn one_picture_makes_nothing_dead() {
    let map = |channel: usize, _: f32, next: &mut dyn FnMut() -> f32| match channel {
        1 | 2 => 0.0,
        _ => healthy(next),
    };
    let found = diagnosis(&graph(8, 299), 1, map);
    assert_eq!(
        found.layers[0].sentence,
        "2 of 8 maps are silent on this picture (1, 2): one picture cannot tell whether they are dead."
    );
    assert!(found.notes[0].starts_with("1 picture is too few"));
    let one = diagnosis(&graph(8, 299), 1, |channel, _, next| if channel == 1 { 0.0 } else { healthy(next) });
    assert!(
        one.layers[0].sentence.starts_with("1 of 8 maps is silent on this picture (1): one picture cannot")
    );
    assert!(one.layers[0].sentence.ends_with("whether it is dead."));
    // Most of it silent and the rest alike: no advice from one picture either.
    let alike =
        diagnosis(&graph(8, 299), 1, |channel, light, _| if channel < 6 { 0.0 } else { light.max(0.0) });
    assert!(alike.layers[0].sentence.ends_with("; 1 nearly repeats an earlier one (7 like 6)."));
    let few = diagnosis(&graph(8, 299), 3, map);
    assert!(few.layers[0].sentence.starts_with("2 of 8 maps are dead (1, 2)"));
    assert!(few.notes[0].starts_with("3 pictures are too few"));
}

#[test]
fn a_dead_layer_points_at_the_training() {
    let found = diagnosis(&graph(8, 299), 2, |_, _, _| 0.0);
    assert_eq!(
        found.layers[0].sentence,
        "All 8 maps are dead: check the input's scaling, the learning rate and the initial weights."
    );
}

#[test]
fn json_is_stable_and_the_text_has_a_line_a_layer() {
    let graph = graph(2, 299);
    let found = diagnosis(&graph, 8, |_, _, next| healthy(next));
    let json = serde_json::to_value(&found).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    assert_eq!(keys(&json), ["layers", "network", "notes", "pictures", "thresholds", "trained"]);
    assert_eq!(
        keys(&json["layers"][0]),
        [
            "always_on",
            "broken",
            "copies",
            "dead",
            "duplicates",
            "early",
            "index",
            "name",
            "operation",
            "rectified",
            "sentence",
            "shape",
            "silent",
            "solid",
            "torch_name",
            "zeros",
            "zeros_mean"
        ]
    );
    assert_eq!((&json["pictures"], &json["layers"][0]["index"]), (&8.into(), &2.into()));
    let text = found.to_text();
    assert!(text.starts_with("Tiny on 8 pictures, 2 layers looked at\n\n  2  activation  8×8×2  "), "{text}");
    assert_eq!(text.lines().count(), 4);

    let unseen =
        Diagnosis::new(&graph.name, false, &[LayerExamination::new(&graph, 1, false)], Thresholds::default());
    assert_eq!((unseen.pictures, unseen.layers[0].sentence.as_str()), (0, "No picture was looked at."));
    assert!(unseen.notes[0].contains("random") && unseen.layers[0].zeros_mean.is_none());
    assert!(unseen.to_text().starts_with("Tiny on 0 pictures, 1 layer looked at"));
}

#[test]
fn parts_make_the_whole() {
    let graph = graph(12, 299);
    let shape = graph.nodes[2].shape;
    let of = |which: &dyn Fn(u64) -> bool| {
        let mut examined = LayerExamination::new(&graph, 2, true);
        for picture in (0..9).filter(|picture| which(*picture)) {
            let mut next = noise(picture);
            let light: Vec<f32> = (0..64).map(|_| next()).collect();
            let values =
                (0..shape.len()).map(|at| if at < 64 * picture as usize { 0.0 } else { healthy(&mut next) });
            examined.observe(&LayerOutput { layer: 2, shape, values: values.collect() }, &light);
        }
        examined
    };
    let judged = |layer| Diagnosis::new("Tiny", true, &[layer], Thresholds::default());
    let whole = of(&|_| true);
    // The newest picture, 8, is in the first part, then in the other.
    let (mut even, odd) = (of(&|picture| picture % 2 == 0), of(&|picture| picture % 2 == 1));
    let mut other = odd.clone();
    assert!(even.join(&odd, false) && other.join(&of(&|picture| picture % 2 == 0), true));
    assert_eq!((&even, &other), (&whole, &whole));
    let text = serde_json::to_string(&other).unwrap();
    let back: LayerExamination = serde_json::from_str(&text).unwrap();
    let (expected, found) = (judged(whole), judged(back));
    assert_eq!(serde_json::to_string(&expected).unwrap(), serde_json::to_string(&found).unwrap());
    assert!(!expected.layers[0].silent.is_empty());
    let layer = &expected.layers[0];
    let histogram = &layer.histograms.as_ref().unwrap()[3];
    assert_eq!(histogram.zeros + histogram.counts.iter().sum::<u64>(), 9 * 64);
    assert_eq!(layer.correlations.as_ref().unwrap()[11].len(), 11);
    assert!(!even.join(&LayerExamination::new(&graph, 1, false), false));
}
