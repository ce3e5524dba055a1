use super::*;
use crate::model::inception_v3::inception_v3;

const SHAPE: Shape = Shape { channels: 6, height: 8, width: 8 };

/// Nothing but finite.
const SOUND: ChannelStatistics = ChannelStatistics {
    min: 0.0,
    max: 0.0,
    mean: 0.0,
    std: 0.0,
    zeros: 0.0,
    brightness: 0.0,
    finite: 1.0,
    change: 0.0,
};

fn measures(std: [f32; 6], change: impl Fn(usize, &mut ChannelStatistics)) -> Vec<ChannelStatistics> {
    let one = |(channel, std)| {
        let mut measure =
            ChannelStatistics { max: 1.0, mean: 0.3, std, zeros: 0.5, brightness: 0.1, ..SOUND };
        change(channel, &mut measure);
        measure
    };
    std.into_iter().enumerate().map(one).collect()
}

fn marks(health: &LayerHealth) -> Vec<Marks> {
    health.marks(&Thresholds::default())
}

#[test]
fn dead_means_never_and_silent_means_now() {
    let silent = ChannelStatistics { zeros: 1.0, ..SOUND };
    let first = measures([1.0; 6], |channel, m| {
        if channel < 2 {
            *m = silent;
        }
    });
    let second = measures([1.0; 6], |channel, m| {
        if channel == 1 || channel == 2 {
            *m = silent;
        }
    });
    let mut health = LayerHealth::new(SHAPE, true);
    assert_eq!(marks(&health), [Marks::default(); 6]);
    health.observe(&first);
    assert_eq!(
        marks(&health).iter().map(|m| m.dead).collect::<Vec<_>>(),
        [true, true, false, false, false, false]
    );
    health.observe(&second);
    let found = marks(&health);
    assert_eq!(found.iter().map(|m| m.dead).collect::<Vec<_>>(), [false, true, false, false, false, false]);
    assert_eq!(found.iter().map(|m| m.silent).collect::<Vec<_>>(), [false, true, true, false, false, false]);
    assert!(!found[1].solid && !found[1].broken);
    assert_eq!((found[0].zeros, found[1].zeros, found[3].zeros), (0.75, 1.0, 0.5));
    assert_eq!(health.pictures(), 2);

    // Where values may be negative, nothing of this means anything.
    let mut raw = LayerHealth::new(SHAPE, false);
    raw.observe(&first);
    assert!(marks(&raw).iter().all(|m| !m.dead && !m.silent));
    // But the map is of one colour.
    assert!(marks(&raw)[0].solid);

    health.reset();
    assert_eq!((marks(&health), health.pictures()), (vec![Marks::default(); 6], 0));
}

#[test]
fn solid_is_measured_against_the_layer() {
    // Typical: √((5·1 + 0.04²)/6) = 0.913; 0.04 is 0.0438 of it, 0.05 would be 0.0547.
    let mut health = LayerHealth::new(SHAPE, true);
    health.observe(&measures([1.0, 1.0, 0.04, 1.0, 1.0, 1.0], |_, _| {}));
    let found = marks(&health);
    assert!((found[2].spread - 0.043_811).abs() < 1e-5, "{}", found[2].spread);
    assert_eq!(found.iter().map(|m| m.solid).collect::<Vec<_>>(), [false, false, true, false, false, false]);
    assert!(health.marks(&Thresholds { solid: 0.04, ..Default::default() }).iter().all(|m| !m.solid));
    // A thousandth of the scale changes nothing.
    let mut health = LayerHealth::new(SHAPE, true);
    health.observe(&measures([1e-3, 1e-3, 4e-5, 1e-3, 1e-3, 1e-3], |_, _| {}));
    assert!(marks(&health)[2].solid && !marks(&health)[0].solid);
}

#[test]
fn a_rare_detector_is_not_solid_and_a_flat_picture_counts_for_nothing() {
    let mut health = LayerHealth::new(SHAPE, true);
    for picture in 0..50 {
        let rare = if picture == 7 { 1.0 } else { 0.0 };
        health.observe(&measures([1.0, 1.0, rare, 0.01, 1.0, 1.0], |_, _| {}));
        // The whole layer flat but for rounding, most of it in the solid map.
        health.observe(&measures([1e-7, 1e-7, 0.0, 1e-6, 1e-7, 1e-7], |_, _| {}));
    }
    let found = marks(&health);
    assert!(!found[2].solid && found[2].spread > 0.1, "{}", found[2].spread);
    assert!(found[3].solid);
}

#[test]
fn without_cells_to_compare_nothing_is_solid() {
    let mut health = LayerHealth::new(Shape { channels: 6, height: 1, width: 1 }, true);
    health.observe(&measures([0.0; 6], |channel, m| m.max = channel as f32));
    assert!(marks(&health).iter().all(|m| !m.solid && m.copy.is_none()));
    let mut health = LayerHealth::new(SHAPE, true);
    health.observe(&measures([0.0; 6], |_, _| {}));
    assert!(marks(&health).iter().all(|m| !m.solid && m.spread == 0.0));
}

#[test]
fn always_on_needs_every_picture_and_a_relu() {
    let on = measures([1.0; 6], |channel, m| {
        if channel < 2 {
            m.min = 0.1;
        }
    });
    let later = measures([1.0; 6], |channel, m| {
        if channel == 0 {
            m.min = 0.2;
        }
    });
    for rectified in [true, false] {
        let mut health = LayerHealth::new(SHAPE, rectified);
        health.observe(&on);
        health.observe(&later);
        let found: Vec<_> = marks(&health).iter().map(|m| m.always_on).collect();
        assert_eq!(found, [rectified, false, false, false, false, false]);
    }
}

#[test]
fn copies_keep_their_sign_and_dark_pictures_do_not_count() {
    let picture =
        measures([1.0; 6], |channel, m| m.brightness = [0.95, -0.95, 0.85, 0.5, 0.95, 0.0][channel]);
    let other = measures([1.0; 6], |channel, m| m.brightness = [0.93, -0.97, 0.85, 0.5, -0.95, 0.0][channel]);
    let dark = measures([1.0; 6], |_, m| m.brightness = 0.0);
    let mut health = LayerHealth::new(SHAPE, true);
    for measures in [&picture, &dark, &other] {
        health.observe(measures);
    }
    let copies: Vec<_> = marks(&health).iter().map(|m| m.copy.map(|r| (r * 100.0).round())).collect();
    assert_eq!(copies, [Some(94.0), Some(-96.0), None, None, None, None]);
    assert!(health.marks(&Thresholds { copy: 0.8, ..Default::default() })[2].copy.is_some());

    // Four cells on two pictures are 6 degrees of freedom; on three they suffice.
    let mut small = LayerHealth::new(Shape { channels: 6, height: 2, width: 2 }, true);
    small.observe(&picture);
    small.observe(&picture);
    assert_eq!(marks(&small)[0].copy, None);
    small.observe(&picture);
    assert!(marks(&small)[0].copy.is_some());
}

#[test]
fn channels_without_numbers_are_broken_and_spoil_no_other() {
    let broken = measures([1.0, 1.0, 1.0, 0.01, 1.0, 1.0], |channel, m| match channel {
        0 => *m = ChannelStatistics::default(),
        1 => m.std = f32::INFINITY,
        _ => {}
    });
    let mut health = LayerHealth::new(SHAPE, true);
    health.observe(&broken);
    health.observe(&measures([1.0, 1.0, 1.0, 0.01, 1.0, 1.0], |_, _| {}));
    let found = marks(&health);
    assert_eq!(found[0], Marks { broken: true, ..Default::default() });
    assert!(found[1].broken && !found[2].broken);
    assert!(found[3].solid && !found[2].solid);
}

#[test]
fn rectified_is_what_comes_from_relus() {
    let graph = inception_v3(10, 0.1);
    let is_rectified = |name: &str| is_rectified(&graph, graph.find(name).unwrap());
    for name in
        ["activation", "max_pooling2d_1", "mixed0", "mixed3", "average_pooling2d", "mixed9_0", "avg_pool"]
    {
        assert!(is_rectified(name), "{name}");
    }
    for name in ["input_layer", "conv2d", "batch_normalization_3", "predictions"] {
        assert!(!is_rectified(name), "{name}");
    }
}
