use super::*;
use crate::model::Shape;

fn output(channels: usize, height: usize, width: usize, values: Vec<f32>) -> LayerOutput {
    let shape = Shape { channels, height, width };
    LayerOutput { layer: 0, shape, values }
}

fn numbers(value: &serde_json::Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap() as f32).collect()
}

fn near(found: &[f32], expected: &[f32], within: f32) {
    assert_eq!(found.len(), expected.len());
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= within, "{off}: {found:?}, {expected:?}");
}

/// scripts/make_cells.py: NumPy's SVD of the cells of each picture, and of both pictures together.
#[test]
fn directions_are_those_of_a_singular_value_decomposition() {
    let text = include_str!("../../../tests/data/cells.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    for case in all["components"].as_array().unwrap() {
        let shape: Vec<usize> =
            case["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize).collect();
        let pictures = case["pictures"].as_array().unwrap();
        let pictures = pictures.iter().map(|values| output(shape[0], shape[1], shape[2], numbers(values)));
        let pictures: Vec<LayerOutput> = pictures.collect();
        let check = |found: &Components, expected: &serde_json::Value| {
            near(&found.mean, &numbers(&expected["mean"]), 1e-6);
            near(&found.variance, &numbers(&expected["variance"]), 1e-5);
            near(&found.explained, &numbers(&expected["explained"]), 1e-6);
            for (place, direction) in expected["directions"].as_array().unwrap().iter().enumerate() {
                near(found.direction(place), &numbers(direction), 1e-5);
            }
            near(&found.project(&pictures[0]), &numbers(&expected["projected"]), 1e-5);
        };
        let mut sum = CellSum::new(shape[0]);
        for (picture, expected) in pictures.iter().zip(case["each"].as_array().unwrap()) {
            check(&Components::of(picture).unwrap(), expected);
            sum.observe(picture);
        }
        check(&sum.components().unwrap(), &case["together"]);
    }
}

#[test]
fn cells_that_differ_in_one_direction_have_one() {
    // Every cell is a multiple of (1, 2) about (5, 1).
    let line = [-1.0_f32, 0.0, 1.0, 2.0];
    let values = line.iter().map(|t| 5.0 + t).chain(line.iter().map(|t| 1.0 + 2.0 * t)).collect();
    let found = Components::of(&output(2, 2, 2, values)).unwrap();
    assert_eq!(found.count(), 1);
    near(found.direction(0), &[0.2_f32.sqrt(), 0.8_f32.sqrt()], 1e-6);
    near(&found.explained, &[1.0, 0.0, 0.0], 1e-6);
    let [low, high] = found.ends();
    assert!(low[0] == -high[0] && low[1] < high[1], "a colour without a direction has ends all the same");
    // Cells that are all alike differ in none; they are the mean.
    let same = output(3, 2, 2, vec![7.0; 12]);
    let found = Components::of(&same).unwrap();
    assert_eq!((found.count(), found.project(&same)), (0, vec![0.0; 12]));
    assert_eq!(Components::of(&output(4, 1, 1, vec![1.0; 4])).unwrap().count(), 0);
}

#[test]
fn broken_cells_are_left_out_and_stay_broken() {
    let mut values: Vec<f32> = (0..24).map(|i| ((i * i * 7) % 23) as f32).collect();
    let whole = output(2, 3, 4, values.clone());
    values[5] = f32::NAN;
    let broken = output(2, 3, 4, values);
    let found = Components::of(&broken).unwrap();
    assert!(found.mean.iter().chain(&found.directions).all(|value| value.is_finite()));
    assert_ne!(found, Components::of(&whole).unwrap());
    let projected = found.project(&broken);
    assert!(projected.iter().enumerate().all(|(at, value)| value.is_nan() == (at % 12 == 5)));
    assert!(Components::of(&output(2, 1, 1, vec![f32::NAN; 2])).is_none());
    assert!(CellSum::new(2).components().is_none());
}
