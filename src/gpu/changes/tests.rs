use super::*;

fn changed(text: &str, levels: &[f32], shape: Shape, scale: InputScale) -> Vec<f32> {
    let changes: InputChanges = text.parse().unwrap();
    let (divisor, offset) = scale.divisor_and_offset();
    let cells = shape.height * shape.width;
    let mut values: Vec<f32> =
        (0..shape.len()).map(|at| levels[at] / divisor[at / cells] - offset[at / cells]).collect();
    changes.apply(&mut values, shape, scale);
    let level = |at: usize| (values[at] + offset[at / cells]) * divisor[at / cells];
    (0..shape.len()).map(level).collect()
}

fn near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 0.01, "{found} instead of {expected}");
    }
}

const PIXEL: Shape = Shape { channels: 3, height: 1, width: 1 };

#[test]
fn colours_are_changed_whatever_the_scale_and_order_of_channels() {
    let grey = 0.299 * 200.0 + 0.587 * 50.0 + 0.114 * 10.0;
    for scale in InputScale::ALL {
        let order = |rgb: [f32; 3]| scale.colors(3).order(rgb);
        let of = |text: &str| changed(text, &order([200.0, 50.0, 10.0]), PIXEL, scale);
        near(&of("grey"), &[grey; 3]);
        near(&of("red"), &order([200.0, 0.0, 0.0]));
        near(&of("blue"), &order([0.0, 0.0, 10.0]));
    }
}

#[test]
fn edges_are_bright_where_the_picture_changes() {
    let shape = Shape { channels: 1, height: 3, width: 6 };
    let levels: Vec<f32> = (0..18).map(|at| if at % 6 < 3 { 0.0 } else { 100.0 }).collect();
    let found = changed("edges", &levels, shape, InputScale::Levels);
    near(&found, &[0.0, 0.0, 200.0, 200.0, 0.0, 0.0].repeat(3));
    near(&changed("edges", &[77.0; 18], shape, InputScale::default()), &[0.0; 18]);
}

#[test]
fn blur_spreads_and_keeps_what_is_even() {
    let shape = Shape { channels: 1, height: 1, width: 80 };
    near(&changed("blur", &[40.0; 80], shape, InputScale::default()), &[40.0; 80]);
    let mut spot = vec![0.0; 80];
    spot[40] = 200.0;
    let found = changed("blur", &spot, shape, InputScale::Levels);
    // A standard deviation of two pixels.
    let weight = |distance: f32| (-0.5 * (distance / 2.0).powi(2)).exp();
    let all: f32 = (-6..=6).map(|distance| weight(distance as f32)).sum();
    near(&found[38..42], &[2.0, 1.0, 0.0, 1.0].map(|distance| 200.0 * weight(distance) / all));
    assert_eq!(found[33], 0.0);
}

#[test]
fn patches_change_places_and_nothing_is_lost() {
    let shape = Shape { channels: 1, height: 8, width: 12 };
    let levels: Vec<f32> = (0..96).map(|at| at as f32).collect();
    let sorted = |mut values: Vec<f32>| {
        values.iter_mut().for_each(|value| *value = value.round());
        values.sort_by(f32::total_cmp);
        values
    };
    let once = changed("shuffle", &levels, shape, InputScale::Levels);
    assert_ne!(once, levels);
    assert_eq!(sorted(once.clone()), levels);
    assert_eq!(once, changed("shuffle", &levels, shape, InputScale::Levels));
    assert_ne!(once, changed("shuffle:7", &levels, shape, InputScale::Levels));
    // A patch stays whole: its second row is a row of the picture further.
    near(&[once[12] - once[0], once[2] - once[0]], &[12.0, 2.0]);
    let down = changed("upside-down", &levels, shape, InputScale::Levels);
    near(&down[..2], &[84.0, 85.0]);
    // Smaller than there are patches, and of sides that are no multiple of them.
    for (height, width) in [(1, 1), (3, 2), (5, 7), (299, 31)] {
        let shape = Shape { channels: 1, height, width };
        let values: Vec<f32> = (0..shape.len()).map(|at| at as f32).collect();
        assert_eq!(changed("shuffle", &values, shape, InputScale::Levels).len(), shape.len());
    }
}

#[test]
fn changes_are_typed_and_toggled() {
    let changes: InputChanges = "blur, grey,shuffle:7".parse().unwrap();
    assert_eq!(changes.to_string(), "grey,blur,shuffle:7");
    assert_eq!(changes.in_words(), "in grey, blurred, with its patches shuffled");
    assert_eq!(changes.to_string().parse(), Ok(changes));
    assert!(changes.moves() && !"grey,edges".parse::<InputChanges>().unwrap().moves());
    let refused = [("gray", "there is no change"), ("blur:3", "only shuffle"), ("shuffle:x", "whole number")];
    for (text, part) in refused.into_iter().chain([("grey,red", "exclude"), ("blur,blur", "twice")]) {
        assert!(text.parse::<InputChanges>().unwrap_err().contains(part), "{text}");
    }
    let mut toggled = InputChanges::default();
    toggled.toggle(Change::Red);
    toggled.toggle(Change::Edges);
    toggled.toggle(Change::Grey);
    assert_eq!(toggled.to_string(), "grey,edges", "one thing is done to colours");
    toggled.toggle(Change::Grey);
    toggled.toggle(Change::Edges);
    assert!(toggled.is_empty());
    let grey = Shape { channels: 1, ..PIXEL };
    assert!(changes.check(grey).unwrap_err().contains("in grey already") && changes.check(PIXEL).is_ok());
}
