use super::*;
use crate::model::inception_v3::inception_v3;

fn place() -> (Graph, Place) {
    let graph = inception_v3(1000, 1.0);
    let mut place = Place::new(graph.find("mixed5").unwrap());
    place.grid = Some(TileGrid { tile: [64, 64], gap: 1, columns: 10, rows: 5, origin: [0, 0] });
    (graph, place)
}

#[test]
fn layers_and_stages_stop_at_the_ends() {
    let (graph, mut place) = place();
    place.go_to_layer(&graph, 165);
    place.change_stage(&graph, 1);
    assert_eq!(graph.nodes[place.layer].name, "mixed6");
    place.change_stage(&graph, -1);
    place.change_stage(&graph, -1);
    assert_eq!(graph.nodes[place.layer].name, "mixed4");
    for _ in 0..20 {
        place.change_stage(&graph, 1);
    }
    assert_eq!(place.layer, 312);
    place.go_to_layer(&graph, 313);
    assert_eq!(place.layer, 312);
    for _ in 0..30 {
        place.change_stage(&graph, -1);
    }
    assert_eq!(place.layer, graph.stage_end(0));
}

#[test]
fn selection_moves_in_the_grid_and_pages_follow() {
    let (graph, mut place) = place();
    place.move_selection(&graph, [-1, 0], false);
    place.move_selection(&graph, [0, -1], false);
    assert_eq!(place.selected, 0);
    place.move_selection(&graph, [0, 1], false);
    place.move_selection(&graph, [1, 0], false);
    assert_eq!((place.selected, place.page()), (11, 0));
    place.move_selection(&graph, [0, 1], true);
    assert_eq!(place.selected, 12, "one channel is a row of its own");
    place.turn_page(&graph, 1);
    assert_eq!((place.selected, place.page(), place.positions(768)), (50, 1, 50..100));
    for _ in 0..100 {
        place.turn_page(&graph, 1);
    }
    assert_eq!((place.page(), place.positions(768)), (15, 750..768), "768 channels on pages of 50");
    place.move_selection(&graph, [0, 1], false);
    place.move_selection(&graph, [0, 1], false);
    assert_eq!(place.selected, 760, "there is no row below");
    for _ in 0..100 {
        place.turn_page(&graph, -1);
    }
    assert_eq!(place.selected, 0);
}

#[test]
fn tile_sizes_step_from_what_is_seen() {
    let (_, mut place) = place();
    place.change_tile_size(true, 1.0);
    assert_eq!(place.tile_size, TileSize::Pixels(96));
    for _ in 0..20 {
        place.change_tile_size(false, 1.0);
    }
    assert_eq!(place.tile_size, TileSize::Pixels(12));
}

fn arranged(place: &Place, channels: &[u32]) -> Arranged {
    Arranged {
        layer: place.layer,
        sort: place.sort,
        filter: place.filter,
        channels: channels.into(),
        hidden: 0,
        class: None,
        note: None,
    }
}

#[test]
fn an_order_counts_for_its_own_layer_and_kind() {
    let (graph, mut place) = place();
    place.sort_by(&graph, Sort::Max);
    assert_eq!(place.shown_channels(&graph, 164)[0], 0, "not arranged yet");
    let falling: Vec<u32> = (0..768).rev().collect();
    place.arrange(&graph, arranged(&place.clone(), &falling));
    assert_eq!(place.shown_channels(&graph, 164)[..2], [767, 766]);
    assert_eq!(place.shown_channels(&graph, 163)[..2], [0, 1]);
    place.sort_by(&graph, Sort::Index);
    assert_eq!(place.shown_channels(&graph, 164)[0], 0);
    place.filter_by(&graph, Filter::Dead);
    assert!(place.arranged(164).is_none());
}

#[test]
fn the_selected_channel_is_followed_but_turns_no_page() {
    let (graph, mut place) = place();
    let rising: Vec<u32> = (0..768).collect();
    let arrange = |place: &mut Place, channels: &[u32]| {
        let next = arranged(place, channels);
        place.arrange(&graph, next);
    };
    place.sort_by(&graph, Sort::Max);
    arrange(&mut place, &rising);
    place.select(&graph, 3);
    let swapped = |a: usize, b: usize| {
        let mut order = rising.clone();
        order.swap(a, b);
        order
    };
    arrange(&mut place, &swapped(3, 20));
    assert_eq!(place.selected, 20, "on the same page");
    arrange(&mut place, &swapped(3, 700));
    assert_eq!((place.selected, place.page()), (20, 0), "3 is on another one");
    // One channel alone never gives way to another.
    place.select(&graph, 3);
    place.enlarged = true;
    let shown = place.shown_channels(&graph, 164)[3];
    arrange(&mut place, &swapped(5, 700));
    assert_eq!(place.shown_channels(&graph, 164)[place.selected], shown);
    place.sort_by(&graph, Sort::Mean);
    let falling: Vec<u32> = (0..768).rev().collect();
    arrange(&mut place, &falling);
    assert_eq!(place.shown_channels(&graph, 164)[place.selected], shown, "in another order too");
    // Where it is hidden, another one takes the place.
    arrange(&mut place, &[1, 2]);
    assert_eq!(place.selected, 1);
    // One that was asked for by its number is found, whatever the page.
    (place.enlarged, place.followed) = (false, Some(767));
    arrange(&mut place, &rising);
    assert_eq!(place.selected, 767);
}

#[test]
fn a_typed_number_goes_to_that_channel() {
    let (graph, mut place) = place();
    for digit in "42".chars() {
        place.type_digit(digit);
    }
    assert_eq!(place.jump(&graph), Ok(()));
    assert_eq!((place.typed.as_str(), place.selected), ("", 42));
    place.typed = "768".into();
    assert_eq!((place.jump(&graph), place.selected), (Err(768), 42));
    for _ in 0..9 {
        place.type_digit('1');
    }
    assert_eq!(place.typed, "11111");
}

#[test]
fn the_marked_point_moves_by_cells() {
    let (graph, mut place) = place();
    let shape = graph.nodes[164].shape;
    assert_eq!(place.marked_cell(shape), None);
    place.move_point(&graph, Direction::Left);
    assert_eq!((place.point, place.marked_cell(shape)), (Some([0.5; 2]), Some([8, 8])));
    place.enlarged = true;
    place.move_point(&graph, Direction::Left);
    place.move_point(&graph, Direction::Down);
    assert_eq!(place.marked_cell(shape), Some([9, 7]));
    for _ in 0..99 {
        place.move_point(&graph, Direction::Up);
    }
    assert_eq!(place.marked_cell(shape), Some([0, 7]));
}
