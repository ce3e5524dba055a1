//! Truth is in tests/networks.rs, where cells are those of the networks' own runtimes.

use super::*;
use crate::model::inception_v3::inception_v3;
use crate::model::{Activation, Op, Shape, Window};

#[test]
fn kernels_lie_where_convolutions_have_them() {
    let input = Shape { channels: 1, height: 4, width: 5 };
    let mut window = Window::new([3, 3], [2, 2], [1, 1]);
    let conv = |window| Op::Conv(window, 1);
    let corner = places(&conv(window), [0, 0], input);
    assert_eq!(corner[..4], [None, None, None, None]);
    assert_eq!(corner[4..], [Some([0, 0]), Some([0, 1]), None, Some([1, 0]), Some([1, 1])]);
    window.dilation = [1, 2];
    assert_eq!(places(&conv(window), [1, 1], input)[..3], [Some([1, 1]), Some([1, 3]), None]);
    // Spread two apart, one cut off: cell 1 gets its share of cells 0 and 1 through places 2 and 0.
    let spread = Op::ConvTranspose(Window::new([3, 1], [2, 1], [1, 0]), 1);
    assert_eq!(places(&spread, [1, 3], input), [Some([1, 3]), None, Some([0, 3])]);
    assert_eq!(places(&Op::Dense, [0, 0], input), [Some([0, 0])]);
    let (origin, size) = Patch::around(&corner);
    assert_eq!((origin, size), ([0, 0], [2, 2]));
    let values: Vec<f32> = (0..20).map(|value| value as f32).collect();
    assert_eq!(Patch::cut(&values, input, [1, 1], [2, 2]).values, [6.0, 7.0, 11.0, 12.0]);
}

#[test]
fn a_joined_channel_is_that_of_its_branch() {
    let graph = inception_v3(10, 0.25);
    let mixed = graph.find("mixed0").unwrap();
    let node = &graph.nodes[mixed];
    let first = graph.nodes[node.inputs[0]].shape.channels;
    let found = route(&graph, mixed, first + 3).unwrap();
    assert_eq!((found.layer, found.channel, found.filter), (mixed, first + 3, 3));
    assert!(matches!(graph.nodes[found.adds].op, Op::Conv(..)));
    let behind: Vec<_> = found.behind.iter().map(|behind| behind.function).collect();
    assert_eq!(behind, [None, Some(Activation::Relu)]);
    let pool = graph.find("max_pooling2d").unwrap();
    assert!(route(&graph, pool, 0).unwrap_err().contains("no convolution"));
}

fn sum(parts: &[f64], bias: Option<f64>, steps: Vec<Step>) -> CellSum {
    let part = |(channel, &sum)| Part { channel, sum, patch: vec![], kernel: vec![] };
    let total = parts.iter().sum::<f64>() + bias.unwrap_or(0.0);
    let mut value = total;
    let steps = steps.into_iter().map(|step| {
        value = match step {
            Step::Scale(scale, shift) => value * scale + shift,
            Step::Function(function) => function.at(value).unwrap(),
        };
        (1, step, value)
    });
    CellSum {
        steps: steps.collect(),
        route: Route { layer: 1, channel: 0, adds: 1, filter: 0, behind: vec![] },
        cell: [0, 0],
        size: [1, 1],
        parts: parts.iter().enumerate().map(part).collect(),
        others: (0, 0.0),
        bias,
        sum: total,
        empty: 0,
    }
}

/// Adds up what is shown, as who reads it does.
fn check(sum: &CellSum) -> Told {
    let graph = inception_v3(10, 0.1);
    let told = Told::of(&graph, sum, sum.value() as f32);
    let total = told.lines.iter().position(|line| line.is_result).unwrap();
    let number = |line: &ToldLine| line.number.parse::<f64>().unwrap();
    let shown: f64 = told.lines[..total].iter().map(number).sum();
    assert!((shown - number(&told.lines[total])).abs() < 1e-9, "{told:?}");
    let mut value = number(&told.lines[total]);
    for (line, (_, step, _)) in told.lines[total + 1..].iter().zip(&sum.steps) {
        let decimals = line.number.split_once('.').map_or(0, |(_, rest)| rest.len());
        value = match step {
            Step::Scale(..) => {
                let words: Vec<&str> = line.text.split([' ', ',']).collect();
                value * words[1].parse::<f64>().unwrap() + words[4].parse::<f64>().unwrap()
            }
            Step::Function(function) => function.at(value).unwrap(),
        };
        let made = format!("{value:.decimals$}");
        assert_eq!(made.trim_start_matches('-'), line.number.trim_start_matches('-'), "{told:?}");
        value = number(line);
    }
    assert!(told.notes[0].contains("the same to the last digit"), "{told:?}");
    told
}

#[test]
fn what_is_shown_adds_up() {
    // Rounded each by itself, three thirds are 0.999.
    let thirds = check(&sum(&[1.0 / 3.0; 3], None, vec![]));
    assert_eq!(thirds.lines.last().unwrap().number, "1.000");
    assert!(thirds.lines.iter().any(|line| line.text.contains("rounding") && line.number == "0.001"));
    let relu = || Step::Function(Activation::Relu);
    let silent = check(&sum(&[0.5, -0.75], Some(0.01), vec![relu()]));
    assert_eq!(silent.lines.last().unwrap().number, "0.0000");
    let mut random = 12345u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    };
    for size in [1e-4, 1.0, 300.0] {
        for _ in 0..100 {
            let parts = [next() * size, next() * size, next() * size];
            let scale = Step::Scale(next() * 12.0, next());
            check(&sum(&parts, Some(next() * size), vec![scale.clone(), relu()]));
            check(&sum(&parts, None, vec![scale, Step::Function(Activation::Silu)]));
        }
    }
}

#[test]
fn a_network_of_fewer_digits_is_told_as_such() {
    let graph = inception_v3(10, 0.1);
    let sum = sum(&[1.0, 0.25], None, vec![]);
    // Half precision has three digits here: fewer are shown, and they agree.
    let told = Told::of(&graph, &sum, 1.2507);
    assert_eq!(told.lines.last().unwrap().number, "1.25");
    assert!(Told::of(&graph, &sum, 1.26).notes[0].contains("another order"));
    assert!(Told::of(&graph, &sum, 0.0).notes[0].contains("something else was done"));
}
