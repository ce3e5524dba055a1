use super::adam::Adam;
use super::canvas::Canvas;
use super::colors::Colors;
use super::glance::Glance;
use super::hartley::Hartley;
use super::reach::Reach;
use super::*;
use crate::model::inception_v3::inception_v3;
use crate::model::{InputScale, Place, Shape, Unit};
use crate::weights::RandomStream;

fn noise(name: &str, count: usize) -> Vec<f32> {
    let stream = RandomStream::new(1, name);
    (0..count as u64).map(|at| stream.normal(at) as f32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[track_caller]
fn assert_near(a: f64, b: f64, part: f64) {
    assert!((a - b).abs() <= part * a.abs().max(b.abs()).max(1e-3), "{a} {b}");
}

#[test]
fn the_transform_is_its_own_reverse_and_its_own_transpose() {
    for size in [[13, 10], [8, 8], [1, 7], [23, 13]] {
        let (hartley, count) = (Hartley::new(size), size[0] * size[1]);
        let (a, b) = (noise("a", count), noise("b", count));
        let transformed = hartley.transform(&a);
        for (before, after) in a.iter().zip(hartley.transform(&transformed)) {
            assert!((before - after).abs() < 1e-5);
        }
        assert_near(dot(&transformed, &b), dot(&a, &hartley.transform(&b)), 1e-4);
        // By its definition.
        let [height, width] = size;
        let (row, column) = (height / 2, width - 1);
        let term = |at: usize| {
            let turn =
                (at / width * row) as f64 / height as f64 + (at % width * column) as f64 / width as f64;
            let (sin, cos) = (std::f64::consts::TAU * turn).sin_cos();
            f64::from(a[at]) * (sin + cos)
        };
        let expected = (0..count).map(term).sum::<f64>() / (count as f64).sqrt();
        assert_near(transformed[row * width + column].into(), expected, 1e-4);
    }
}

#[test]
fn looking_and_its_reverse_are_transposes_of_each_other() {
    let (from, to) = ([20, 17], [15, 19]);
    for step in 0..6 {
        let glance = Glance::random(3, step, from, to);
        let (picture, seen) = (noise("picture", 3 * 20 * 17), noise("seen", 3 * 15 * 19));
        let forward = dot(&glance.look(&picture, from, to), &seen);
        assert_near(forward, dot(&picture, &glance.back(&seen, from, to)), 1e-4);
    }
    // Straight ahead, nothing changes.
    let straight = Glance { scale: 1.0, angle: 0.0, shift: [0.0; 2] };
    let picture = noise("picture", 20 * 17);
    assert_eq!(straight.look(&picture, from, from), picture);
}

#[test]
fn colours_reach_the_networks_scale_and_come_back() {
    let input = |channels| Shape { channels, height: 4, width: 5 };
    for scale in InputScale::ALL {
        for channels in [1, 3] {
            let reach = Reach::new(scale, input(channels));
            let count = channels * 20;
            let black = reach.to_input(&vec![0.0; count]);
            let difference = |planes: &[f32]| {
                let values = reach.to_input(planes);
                values.iter().zip(&black).map(|(value, black)| value - black).collect::<Vec<_>>()
            };
            let (planes, gradient) = (noise("planes", count), noise("gradient", count));
            assert_near(dot(&difference(&planes), &gradient), dot(&planes, &reach.back(&gradient)), 1e-4);
        }
    }
    let red = [vec![1.0; 20], vec![0.0; 40]].concat();
    let caffe = Reach::new(InputScale::Caffe, input(3)).to_input(&red);
    assert!((caffe[40] - (255.0 - 123.68)).abs() < 1e-3 && (caffe[0] + 103.939).abs() < 1e-3);
}

#[test]
fn pictures_and_their_gradients_agree() {
    let size = [11, 12];
    for (method, colors) in [(Method::Fourier, 3), (Method::Maco, 3), (Method::Maco, 1), (Method::Fourier, 1)]
    {
        let mut canvas = Canvas::new(size, colors, method, 5);
        let picture = canvas.picture();
        assert!(picture.iter().all(|value| (0.0..=1.0).contains(value)));
        let (gradient, way) = (noise("gradient", picture.len()), noise("way", picture.len()));
        let expected = dot(&canvas.back(&picture, &gradient), &way);
        let start = canvas.numbers().to_vec();
        let mut after = |step: f32| {
            let moved = start.iter().zip(&way).map(|(number, way)| number + step * way);
            *canvas.numbers_mut() = moved.collect();
            dot(&canvas.picture(), &gradient)
        };
        let step = 2e-3;
        let found = (after(step) - after(-step)) / f64::from(2.0 * step);
        assert_near(found, expected, 1e-2);
    }
}

#[test]
fn colours_vary_as_in_photographs() {
    let colors = Colors::new(3);
    let count = 20_000;
    // Small, so that the sigmoid is straight.
    let planes: Vec<f32> = noise("planes", 3 * count).iter().map(|value| 0.1 * value).collect();
    let picture = colors.picture(&planes);
    let plane = |color: usize| &picture[color * count..][..count];
    let means = [0, 1, 2].map(|color| plane(color).iter().sum::<f32>() / count as f32);
    let together = |a: usize, b: usize| {
        let pairs = plane(a).iter().zip(plane(b));
        pairs.map(|(x, y)| (x - means[a]) * (y - means[b])).sum::<f32>() / count as f32
    };
    for color in 0..3 {
        assert!((means[color] - [0.485, 0.456, 0.406][color]).abs() < 0.02, "{means:?}");
        assert!((0.02..0.03).contains(&together(color, color).sqrt()), "{}", together(color, color).sqrt());
    }
    let alike = together(0, 2) / (together(0, 0) * together(2, 2)).sqrt();
    assert!((0.7..0.95).contains(&alike), "{alike}");
    let grey = Colors::new(1).picture(&[0.0]);
    assert!((grey[0] - 0.46).abs() < 0.01, "{grey:?}");
}

#[test]
fn steps_are_as_long_as_they_are_said_to_be() {
    let (mut adam, mut numbers) = (Adam::new(3), vec![0.0; 3]);
    adam.climb(&mut numbers, &[1e-12, -4e-12, 0.0], 0.5);
    assert!((numbers[0] - 0.5).abs() < 1e-4 && (numbers[1] + 0.5).abs() < 1e-4, "{numbers:?}");
    assert_eq!(numbers[2], 0.0);
    // Nothing to climb.
    let before = numbers.clone();
    adam.climb(&mut numbers, &[0.0; 3], 0.5);
    adam.climb(&mut numbers, &[f32::NAN, 1.0, 1.0], 0.5);
    assert_eq!(numbers, before);
}

const INPUT: Shape = Shape { channels: 3, height: 16, width: 15 };

fn growth(method: Method) -> Growth {
    let settings = Settings { method, steps: 40, seed: 9, size: [16, 15] };
    Growth::new(settings, INPUT, InputScale::Imagenet)
}

/// A network that adds up what is bright on the left, and subtracts what is on the right: what it says, and its gradient.
fn step(growth: &mut Growth) -> f64 {
    let weight = |at: usize| if at % 15 < 7 { 1.0 } else { -1.0 };
    let gradient: Vec<f32> = (0..INPUT.len()).map(weight).collect();
    let said = dot(&growth.view(), &gradient);
    growth.learn(&gradient);
    said
}

#[test]
fn what_a_unit_says_rises() {
    for method in [Method::Fourier, Method::Maco] {
        let mut growth = growth(method);
        let first = step(&mut growth);
        let mut last = first;
        while growth.grows() {
            last = step(&mut growth);
        }
        assert!(last > first + 40.0, "{method:?}: {first} {last}");
        let levels = growth.levels();
        // Columns of the left and of the right half.
        let bright = |from: usize| {
            let pixels = levels.chunks_exact(3).enumerate();
            let those = pixels.filter(|(at, _)| (from..from + 7).contains(&(at % 15)));
            those.map(|(_, pixel)| pixel.iter().map(|level| u32::from(*level)).sum::<u32>()).sum::<u32>()
        };
        assert!(bright(0) > bright(7), "{method:?}: {} {}", bright(0), bright(7));
    }
}

#[test]
fn the_same_seed_gives_the_same_picture_also_after_a_pause() {
    for method in [Method::Fourier, Method::Maco] {
        let [mut whole, mut paused] = [growth(method), growth(method)];
        while whole.grows() {
            step(&mut whole);
        }
        (0..17).for_each(|_| {
            step(&mut paused);
        });
        // A view that nothing was learned from is forgotten.
        paused.view();
        let state: Vec<_> =
            paused.state().into_iter().map(|(name, values)| (name.to_string(), values)).collect();
        let mut resumed = growth(method);
        assert!(resumed.resume(&state) && resumed.done() == 17);
        while resumed.grows() {
            step(&mut resumed);
        }
        assert_eq!(resumed.state(), whole.state());
        assert_eq!(resumed.levels(), whole.levels());
        assert!(!growth(method).resume(&state[1..]));
        let other = Settings { seed: 10, ..whole.settings() };
        assert_ne!(Growth::new(other, INPUT, InputScale::Imagenet).levels(), growth(method).levels());
    }
}

#[test]
fn a_unit_is_climbed_on_before_its_relu_and_in_the_middle() {
    let graph = inception_v3(10, 0.25);
    let climb = |name: &str, channel, place| {
        let layer = graph.find(name).unwrap();
        let unit = climbed(&graph, Unit::new(layer, channel, place));
        (graph.nodes[unit.layer].name.clone(), unit.channel, unit.place)
    };
    // The first branch has 16 channels; a cell sees a part of the picture.
    let (name, channel, place) = climb("mixed0", 20, Place::Strongest);
    assert!(name.starts_with("batch_normalization"), "{name}");
    assert_eq!((channel, place), (4, Place::Mean));
    assert_eq!(climb("mixed9", 20, Place::Strongest).2, Place::Cell(4, 4));
    assert_eq!(climb("mixed9", 20, Place::Mean).2, Place::Mean);
    let (name, ..) = climb("max_pooling2d", 3, Place::Cell(2, 2));
    assert!(name.starts_with("max_pooling2d"), "{name}");
}
