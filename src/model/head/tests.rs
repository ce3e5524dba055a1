//! Layers behind a body come out in the one order that there is, or in none.

use super::*;
use crate::model::{Activation, GraphBuilder, Meaning, Op, Order, Reduction, Shape};

/// Channels of the body's last maps.
const CHANNELS: usize = 16;

fn dense(path: &str, inputs: usize, outputs: usize) -> Part {
    part(path, PartKind::Dense { inputs, outputs, has_bias: true })
}

fn norm(path: &str, channels: usize) -> Part {
    part(path, PartKind::BatchNorm(channels, 1e-5))
}

fn part(path: &str, kind: PartKind) -> Part {
    Part { name: path.into(), path: path.into(), kind }
}

fn known(given: Given) -> Known {
    Known { channels: CHANNELS, joint: None, between: Between::Guessed(Activation::Relu), given }
}

/// The steps in short: names of layers, and what stands between them.
fn steps(parts: &[Part], known: &Known) -> String {
    let head = arrange(parts.to_vec(), known).unwrap_or_else(|why| panic!("{why}"));
    let step = |step: &Step| match step {
        Step::Join(Joint::Pool(_)) => "pool".to_owned(),
        Step::Join(Joint::Flatten(cells)) => format!("flatten {cells}"),
        Step::Part(part) => part.path.clone(),
        Step::Between(activation) => activation.name().to_owned(),
    };
    head.steps.iter().map(step).collect::<Vec<_>>().join(" > ")
}

#[test]
fn names_and_shapes_tell_the_order() {
    let nothing = known(Given::Nothing);
    for (parts, expected) in [
        (&[dense("classifier", 8, 5), dense("hidden_in", 16, 8)][..], "pool > hidden_in > ReLU > classifier"),
        // The numbers of a `Sequential` leave room behind the normalisation, or before it.
        (&[dense("fc.0", 16, 8), norm("fc.1", 8), dense("fc.3", 8, 5)], "pool > fc.0 > fc.1 > ReLU > fc.3"),
        (&[dense("1.4", 16, 8), norm("1.6", 8), dense("1.8", 8, 5)], "pool > 1.4 > ReLU > 1.6 > 1.8"),
        (&[dense("0.fc", 16, 8), dense("1", 8, 5)], "pool > 0.fc > 1"),
        (
            &[dense("layers/dense_1", 16, 5), dense("layers/dense", 16, 16)],
            "pool > layers/dense > ReLU > layers/dense_1",
        ),
        (&[dense("a", 16, 8), part("act", PartKind::Prelu(8)), dense("b", 8, 5)], "pool > a > act > b"),
        (&[norm("n", 16), dense("d", 16, 5)], "pool > n > d"),
        (&[dense("d", 16 * 49, 5)], "flatten 49 > d"),
        (&[part("c", PartKind::Conv { inputs: 16, outputs: 5, has_bias: true })], "c > pool"),
        (
            &[dense("d", 8, 5), part("c", PartKind::Conv { inputs: 16, outputs: 8, has_bias: true })],
            "c > ReLU > pool > d",
        ),
    ] {
        assert_eq!(steps(parts, &nothing), expected);
    }
    // In a file that lists layers in their order, their numbers mean nothing.
    let listed = [dense("dense_1", 16, 16), dense("dense", 16, 16)];
    assert_eq!(steps(&listed, &known(Given::Order)), "pool > dense_1 > ReLU > dense");
    let made = [dense("a", 16, 16), dense("b", 16, 16)];
    assert_eq!(steps(&made, &known(Given::Making)), "pool > a > ReLU > b");
}

#[test]
fn what_has_no_order_is_named() {
    for (parts, expected) in [
        (&[dense("age", 16, 1), dense("sex", 16, 2)][..], "`age`, `sex`"),
        (&[dense("a", 16, 16), dense("b", 16, 16)], "not in the file"),
        (&[dense("a", 16, 8), norm("n", 9), dense("b", 8, 5)], "by their shapes"),
        (&[dense("squeeze", 16, 2), dense("excite", 2, 16), dense("fc", 16, 5)], "gate"),
    ] {
        let why = arrange(parts.to_vec(), &known(Given::Nothing)).unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
    // The user knows that it is no gate, and what stands between.
    let row = [dense("a", 16, 2), dense("b", 2, 16), dense("c", 16, 5)];
    let said = Known { between: Between::Said(Activation::Tanh), ..known(Given::Nothing) };
    assert_eq!(steps(&row, &said), "pool > a > tanh > b > tanh > c");
    // More orders than can be tried.
    let many: Vec<Part> = ('a'..='l').map(|name| dense(&name.to_string(), 16, 16)).collect();
    assert!(arrange(many, &known(Given::Nothing)).is_err());
}

#[test]
fn guesses_are_told_and_what_was_said_is_not() {
    let parts = [dense("fc.0", 16, 8), dense("fc.3", 8, 5)];
    let notes = |between| arrange(parts.to_vec(), &Known { between, ..known(Given::Nothing) }).unwrap().notes;
    let [note] = &notes(Between::Guessed(Activation::Relu))[..] else { panic!("no note, or several") };
    assert!(note.contains("`fc.0` and `fc.3`") && note.contains("ReLU is a guess"), "{note}");
    assert!(notes(Between::Said(Activation::Linear)).is_empty());
    assert!(notes(Between::Published(Activation::Relu)).is_empty());
}

#[test]
fn tensors_tell_kinds() {
    let kinds = |tensors: &[(&str, &[usize])]| {
        let named = tensors.iter().map(|(name, shape)| (*name, *name, *shape));
        let (found, unknown) = parts(named, Dialect::TORCH);
        (found.into_iter().map(|part| part.kind).collect::<Vec<_>>(), unknown)
    };
    let (found, unknown) = kinds(&[
        ("a.weight", &[5, 16]),
        ("b.weight", &[16]),
        ("b.bias", &[16]),
        ("c.weight", &[1]),
        ("d.running_mean", &[16]),
        ("d.running_var", &[16]),
        ("e.weight", &[5, 16, 1, 1]),
        ("f.weight", &[5, 16, 3, 3]),
        ("scale", &[1]),
        ("g.weight", &[16]),
        ("h.weight", &[5, 16]),
        ("h.bias", &[6]),
    ]);
    let expected = [
        PartKind::Dense { inputs: 16, outputs: 5, has_bias: false },
        PartKind::LayerNorm(16, 1e-5),
        PartKind::Prelu(1),
        PartKind::BatchNorm(16, 1e-5),
        PartKind::Conv { inputs: 16, outputs: 5, has_bias: false },
    ];
    assert_eq!(found, expected);
    assert_eq!(unknown, ["f", "scale", "g", "h"]);
}

#[test]
fn a_head_is_a_row_of_layers() {
    let graph = |parts: &[Part], dialect: Dialect| {
        let mut graph = GraphBuilder::new(Shape { channels: CHANNELS, height: 2, width: 3 }, "stem");
        let head = arrange(parts.to_vec(), &known(Given::Nothing)).unwrap();
        let (last, meaning) = append(&mut graph, 0, &head, dialect, Naming::Own).unwrap();
        (graph.finish("network", 1.0, &[(last, meaning)], Order::Created), meaning)
    };
    let (flat, meaning) = graph(&[dense("d", 16 * 6, 1)], Dialect::KERAS);
    assert_eq!(meaning, Meaning::Probabilities);
    assert_eq!(flat.nodes.last().unwrap().activation, Activation::Sigmoid);
    // Keras' rows, columns, channels; PyTorch's channels come first already.
    let Op::Rearrange(steps) = &flat.nodes[1].op else { panic!("{:?}", flat.nodes[1]) };
    assert_eq!((&steps[0].sides[..], &steps[0].order[..]), (&[16, 6][..], &[1, 0][..]));
    let (flat, _) = graph(&[dense("d", 16 * 6, 1)], Dialect::TORCH);
    assert_eq!(flat.nodes[1].op, Op::Rearrange(vec![]));
    // What ends in a normalisation gives no probabilities.
    let (_, meaning) = graph(&[dense("d", 16, 4), norm("n", 4)], Dialect::TORCH);
    assert_eq!(meaning, Meaning::Numbers);
    let (conv, meaning) =
        graph(&[part("c", PartKind::Conv { inputs: 16, outputs: 4, has_bias: true })], Dialect::TORCH);
    assert_eq!(meaning, Meaning::Probabilities);
    assert_eq!(conv.nodes[2].op, Op::GlobalPool(Reduction::Mean));
}
