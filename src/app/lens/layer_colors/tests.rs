use super::*;

/// Channels with these ends, and the layer around them.
fn statistics(ends: &[(f32, f32)]) -> LayerStatistics {
    let layer = ends.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap();
    let one = |&(min, max): &(f32, f32)| ChannelStatistics { min, max, finite: 1.0, ..Default::default() };
    ends.iter().chain([&layer]).map(one).collect()
}

const SHAPE: Shape = Shape { channels: 2, height: 17, width: 17 };

fn with(normalize: Normalize) -> Colors {
    Colors::new(Scale::of(normalize), None)
}

fn ranges(statistics: &LayerStatistics) -> LayerRanges {
    LayerRanges { statistics: statistics.clone(), percentiles: None }
}

fn colors(chosen: &Colors, versions: &[(&LayerStatistics, bool)]) -> Vec<LayerColors> {
    let locked = chosen.locks.get(&164).map_or(&[][..], |versions| versions);
    let versions = versions.iter().map(|(statistics, is)| (ranges(statistics), *is));
    LayerColors::of_versions(chosen, SHAPE, locked, versions)
}

fn ends(colors: &LayerColors, channel: u32) -> (f32, f32) {
    let range = colors.range(channel);
    (range.low, range.high)
}

#[test]
fn networks_that_are_compared_have_one_range_and_differences_another() {
    let (one, other) = (statistics(&[(0.0, 2.0), (0.0, 1.0)]), statistics(&[(0.0, 5.0), (-1.0, 1.0)]));
    let difference = statistics(&[(-3.0, 0.0), (0.0, 1.0)]);
    let all = [(&one, false), (&other, false), (&difference, true)];
    let found = colors(&with(Normalize::Layer), &all);
    assert_eq!([0, 1].map(|version| ends(&found[version], 1)), [(-1.0, 5.0); 2]);
    assert_eq!((ends(&found[2], 0), found[2].colormap), ((-3.0, 3.0), Colormap::Diverging));
    let uploaded = found[0].other_ranges().unwrap();
    assert_eq!((uploaded[0].ends(), uploaded[2].ends()), ((0.0, 2.0), (-1.0, 5.0)));
    assert!(found[2].other_ranges().is_none(), "the only differences have their own");
    // A fixed range is one for values.
    let found = colors(&with(Normalize::Fixed { low: 0.0, high: 9.0 }), &all);
    assert_eq!((ends(&found[0], 1), ends(&found[2], 1)), ((0.0, 9.0), (-3.0, 3.0)));
    let found = colors(&with(Normalize::Map), &all);
    assert_eq!((ends(&found[0], 1), ends(&found[1], 1)), ((0.0, 1.0), (-1.0, 1.0)));
}

#[test]
fn maps_of_one_value_share_the_range_of_their_layer_and_say_so() {
    let values = statistics(&[(0.0, 0.0), (3.0, 3.0)]);
    let one_cell = Shape { height: 1, width: 1, ..SHAPE };
    let of = |chosen: &Colors, shape| {
        LayerColors::of_versions(chosen, shape, &[], [(ranges(&values), false)].into_iter()).remove(0)
    };
    let shared = of(&with(Normalize::Map), one_cell);
    assert_eq!((ends(&shared, 0), ends(&shared, 1)), ((0.0, 3.0), (0.0, 3.0)));
    assert_eq!(shared.meaning(), "viridis · one range for the whole layer: each map is one value");
    assert!(!of(&with(Normalize::Layer), one_cell).meaning().contains("one value"));
    assert!(of(&with(Normalize::Map), SHAPE).meaning().contains("each map its own range"));
}

#[test]
fn a_lock_holds_ranges_but_not_what_is_silent() {
    let before = statistics(&[(0.0, 2.0), (0.0, 1.0), (0.0, 0.0), (0.0, 4.0)]);
    let now = statistics(&[(0.0, 3.0), (0.0, 0.0), (0.0, 1.0), (-1.0, 1.0)]);
    for (normalize, first, above) in [
        (Normalize::Map, (0.0, 2.0), 2),
        (Normalize::Layer, (0.0, 4.0), 0),
        (Normalize::Symmetric, (-4.0, 4.0), 0),
    ] {
        let mut chosen = with(normalize);
        chosen.locks.insert(164, vec![ranges(&before)]);
        let found = &colors(&chosen, &[(&now, false)])[0];
        assert!(found.is_locked);
        assert_eq!(ends(found, 0), first);
        assert_eq!(found.flat_in_words(1).as_deref(), Some("silent"));
        assert_eq!(found.flat_in_words(2), None);
        let odd = found.oddities();
        assert_eq!((odd.maps, odd.silent, odd.above), (4, 1, above), "{normalize}");
        assert_eq!(odd.below, usize::from(normalize != Normalize::Symmetric));
    }
    let free = &colors(&with(Normalize::Map), &[(&now, false)])[0];
    assert_eq!((free.is_locked, free.oddities().above), (false, 0));
}

#[test]
fn constants_are_flat_only_where_they_have_no_range() {
    let now = statistics(&[(0.7, 0.7), (0.0, 1.0)]);
    let found = &colors(&with(Normalize::Map), &[(&now, false)])[0];
    assert_eq!(found.flat_in_words(0).as_deref(), Some("constant 0.700"));
    assert_eq!((found.oddities().constant, found.oddities().silent), (1, 0));
    let found = &colors(&with(Normalize::Layer), &[(&now, false)])[0];
    assert_eq!((found.flat_in_words(0), found.oddities().constant), (None, 0));
}

#[test]
fn percentiles_choose_the_range_and_what_lies_beyond_is_counted() {
    let now = statistics(&[(0.0, 9.0), (-4.0, 4.0)]);
    let percentiles: Arc<[[f32; 2]]> = [[0.0, 3.0], [-1.0, 2.0]].into();
    let with_percentiles = LayerRanges { statistics: now.clone(), percentiles: Some(percentiles) };
    let all = || [(with_percentiles.clone(), false)].into_iter();
    let chosen = with(Normalize::Percentile);
    let found = &LayerColors::of_versions(&chosen, SHAPE, &[], all())[0];
    assert_eq!((ends(found, 0), ends(found, 1)), ((0.0, 3.0), (-1.0, 2.0)));
    let odd = found.oddities();
    assert_eq!((odd.maps, odd.above, odd.below), (2, 2, 1));
    let uploaded = found.other_ranges().unwrap();
    assert_eq!([0, 1, 2].map(|entry| uploaded[entry].ends()), [(0.0, 3.0), (-1.0, 2.0), (-4.0, 9.0)]);
    assert!(!found.has_one_range());
    // Ranges that were held without them hold no percentiles.
    let found = &LayerColors::of_versions(&chosen, SHAPE, &[ranges(&now)], all())[0];
    assert!(!found.is_locked);
    let found = &LayerColors::of_versions(&with(Normalize::Map), SHAPE, &[], all())[0];
    assert!(ends(found, 0) == (0.0, 9.0) && found.other_ranges().is_none());
}

#[test]
fn what_is_odd_is_said_once_for_window_and_figure() {
    let odd = Oddities { maps: 8, silent: 2, above: 1, ..Oddities::default() };
    let table = colormap_table(Colormap::Viridis);
    let text = |line: &Line| match line {
        Line::Sample { color, hatch, text } => (*color, *hatch, text.clone()),
        _ => panic!("{line:?}"),
    };
    let said: Vec<_> = odd.in_words(Colormap::Viridis).iter().map(text).collect();
    assert_eq!(said[0], (FLAT_COLOR, None, "zero everywhere: 2 of 8 maps".into()));
    assert_eq!(said[1], (table[255], Some(table[0]), "above the range: in 1 of 8 maps".into()));
    assert_eq!(said.len(), 2);
}
