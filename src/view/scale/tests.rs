use super::*;
use crate::view::colormap_table;

const OWN: (f32, f32) = (0.0, 1.0);
const LAYER: (f32, f32) = (0.0, 16.0);

fn ends(scale: Scale, own: (f32, f32), layer: (f32, f32), colormap: Colormap) -> (f32, f32) {
    let range = scale.range(own, layer, colormap);
    (range.low, range.high)
}

#[test]
fn words_and_ranges_are_understood_and_written_alike() {
    for (text, meant) in [
        ("map", Normalize::Map),
        ("percentile", Normalize::Percentile),
        ("layer", Normalize::Layer),
        ("symmetric", Normalize::Symmetric),
        ("-1.5..4", Normalize::Fixed { low: -1.5, high: 4.0 }),
    ] {
        assert_eq!(text.parse(), Ok(meant));
        assert_eq!(meant.to_string(), text);
    }
    for text in ["", "Map", "4..1", "1..1", "NaN..3", "0..inf", "1..", "..", "-3e38..3e38"] {
        assert!(text.parse::<Normalize>().is_err(), "{text}");
    }
}

#[test]
fn ends_are_those_of_map_layer_or_neither() {
    let of = |normalize| ends(Scale::of(normalize), (-1.0, 2.0), (-3.0, 5.0), Colormap::Viridis);
    assert_eq!(of(Normalize::Map), (-1.0, 2.0));
    assert_eq!(of(Normalize::Layer), (-3.0, 5.0));
    assert_eq!(of(Normalize::Symmetric), (-5.0, 5.0));
    assert_eq!(of(Normalize::Fixed { low: 0.0, high: 9.0 }), (0.0, 9.0));
    // White is zero, whatever the range.
    let fixed = Scale::of(Normalize::Fixed { low: 0.0, high: 9.0 });
    assert_eq!(ends(fixed, OWN, LAYER, Colormap::Diverging), (-9.0, 9.0));
    assert_eq!(ends(Scale::default(), (-1.0, 2.0), LAYER, Colormap::Diverging), (-2.0, 2.0));
}

#[test]
fn boost_goes_from_the_layer_to_the_map_in_equal_ratios() {
    for (boost, high) in [(0.0, 16.0), (0.5, 4.0), (1.0, 1.0)] {
        let scale = Scale { boost, ..Scale::of(Normalize::Layer) };
        assert_eq!(ends(scale, OWN, LAYER, Colormap::Viridis), (0.0, high));
        let scale = Scale { boost, ..Scale::of(Normalize::Symmetric) };
        assert_eq!(ends(scale, (-1.0, 0.0), (0.0, 16.0), Colormap::Diverging), (-high, high));
    }
    // The low end stays: −3, and 4 of 16 units above it are the map's largest value.
    let scale = Scale { boost: 0.5, ..Scale::of(Normalize::Layer) };
    assert_eq!(ends(scale, (0.5, 1.0), (-3.0, 13.0), Colormap::Viridis), (-3.0, 5.0));
    // No value is ever beyond the ends.
    for boost in BOOSTS {
        let scale = Scale { boost, ..Scale::of(Normalize::Layer) };
        let range = scale.range((-2.0, 1.0), (-3.0, 13.0), Colormap::Viridis);
        assert!(!range.clips(-2.0) && !range.clips(1.0), "{boost}");
    }
    for normalize in [Normalize::Map, Normalize::Fixed { low: 0.0, high: 2.0 }] {
        let boosted = Scale { boost: 0.8, ..Scale::of(normalize) };
        assert_eq!(
            ends(boosted, OWN, LAYER, Colormap::Grey),
            ends(Scale::of(normalize), OWN, LAYER, Colormap::Grey)
        );
    }
}

#[test]
fn values_take_the_entries_of_the_table() {
    let plain = |low, high, colormap| ColorRange::plain((low, high), colormap);
    let unit = plain(0.0, 1.0, Colormap::Viridis);
    assert_eq!([0.0, 0.5, 1.0].map(|value| unit.entry(value)), [Some(0), Some(128), Some(255)]);
    assert_eq!(unit.entry(7.0), Some(255));
    assert_eq!(unit.entry(f32::NAN), None);
    assert_eq!(plain(-1.0, 4.0, Colormap::Diverging).entry(0.0), Some(128));
    assert!(unit.clips(1.5) && unit.clips(-0.1) && !unit.clips(1.0) && !unit.clips(f32::INFINITY));
    assert_eq!(unit.ramp(&colormap_table(Colormap::Magma)), colormap_table(Colormap::Magma));
}

#[test]
fn gamma_brightens_small_values_and_leaves_the_ends() {
    let scale = Scale { gamma: 0.5, ..Scale::default() };
    let range = scale.range(OWN, LAYER, Colormap::Viridis);
    assert_eq!([0.0, 0.25, 1.0].map(|value| range.entry(value)), [Some(0), Some(128), Some(255)]);
    // Around zero, both ways.
    let range = scale.range((-1.0, 1.0), LAYER, Colormap::Diverging);
    assert_eq!([-0.25, 0.0, 0.25].map(|value| range.entry(value)), [Some(64), Some(128), Some(192)]);
    let table = colormap_table(Colormap::Grey);
    let ramp = scale.range(OWN, LAYER, Colormap::Grey).ramp(&table);
    assert!(ramp[64][0] > 120 && ramp[255] == table[255]);
    assert_eq!((scale.next_gamma(), Scale { gamma: 0.3, ..scale }.next_gamma()), (0.3, 1.0));
    assert_eq!((scale.next_boost(), Scale { boost: 0.42, ..scale }.next_boost()), (0.3, 0.0));
}

#[test]
fn silent_maps_look_silent_and_constant_ones_have_no_range() {
    let table = colormap_table(Colormap::Grey);
    for normalize in [Normalize::Map, Normalize::Layer, Normalize::Fixed { low: -1.0, high: 1.0 }] {
        let range = Scale::of(normalize).range((0.0, 0.0), LAYER, Colormap::Grey);
        assert_eq!(range.color(0.0, &table), FLAT_COLOR, "{normalize}");
        assert_eq!(range.color(f32::NAN, &table), ERROR_COLOR);
    }
    let constant = (8.0, 8.0);
    assert_eq!(Scale::default().range(constant, LAYER, Colormap::Grey).color(8.0, &table), FLAT_COLOR);
    let of_layer = Scale::of(Normalize::Layer).range(constant, LAYER, Colormap::Grey);
    assert_eq!(of_layer.color(8.0, &table), table[128]);
    // Rounding must not fill the whole range of colours.
    for (own, is_flat) in
        [((8.0, 8.00001), true), ((-8.00001, -8.0), true), ((8.0, 8.001), false), (OWN, false)]
    {
        assert_eq!(Scale::default().range(own, LAYER, Colormap::Grey).is_flat, is_flat, "{own:?}");
    }
    // Where sums nearly cancel, rounding is larger beside what is left, but not beside the layer.
    for (own, layer, is_flat) in [
        ((0.01, 0.010_003), (-3.0, 3.0), true),
        ((0.01, 0.010_003), (-0.3, 0.3), false),
        ((0.01, 0.010_02), (-3.0, 3.0), false),
        ((0.0, 1.0), (0.0, 1e6), false),
    ] {
        assert_eq!(Scale::default().range(own, layer, Colormap::Grey).is_flat, is_flat, "{own:?} {layer:?}");
    }
    // A range from an earlier frame: what is silent now looks so.
    assert!(Scale::default().range(OWN, LAYER, Colormap::Grey).for_map((0.0, 0.0)).is_flat);
}
