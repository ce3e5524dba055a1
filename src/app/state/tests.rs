use super::*;
use crate::app::lens::{class_activation, grad_cam, gradients, held, hypercolumn, kernels, saliency};
use crate::frame::{Frame, PixelFormat};
use crate::gpu::Fit;
use crate::inspect::Start;
use crate::model::inception_v3::inception_v3;
use crate::model::{CamMethod, Form, Method, Place as Cell, Rule};
use crate::session::HeldFrame;
use crate::view::{Colormap, Normalize};

fn state() -> AppState {
    let graph = Arc::new(inception_v3(1000, 1.0));
    let layer = graph.find("mixed5").unwrap();
    AppState::new(graph, layer).started()
}

fn press(state: &mut AppState, actions: &[Action]) {
    for action in actions {
        assert_eq!(state.apply(*action, 1.0), None);
    }
}

#[test]
fn reset_closes_overlays_first_and_then_goes_back_to_the_start() {
    let mut state = state();
    press(&mut state, &[Action::NextLayer, Action::NextColormap, Action::ToggleHelp, Action::Reset]);
    assert!(!state.panels.help && state.colors.colormap() == Colormap::Magma);
    press(&mut state, &[Action::ToggleTheme, Action::TogglePalette, Action::Reset]);
    assert!(state.panels.palette.is_none() && state.place.layer == 165);
    press(&mut state, &[Action::Reset]);
    assert_eq!((state.place.layer, state.colors.colormap()), (164, Colormap::Viridis));
    assert_eq!(state.panels.theme, crate::app::theme::Theme::Light, "the room stays as bright");
    press(&mut state, &[Action::NextLayer, Action::Reset]);
    assert_eq!(state.place.layer, 164, "and again");
}

#[test]
fn a_lock_belongs_to_its_layer() {
    let mut state = state();
    assert_eq!(state.apply(Action::ToggleLock, 1.0), Some(Effect::LockRanges));
    state.colors.locks.insert(164, vec![]);
    press(&mut state, &[Action::NextLayer]);
    assert_eq!(state.apply(Action::ToggleLock, 1.0), Some(Effect::LockRanges));
    press(&mut state, &[Action::PreviousLayer, Action::ToggleLock]);
    assert!(state.colors.locks.is_empty());
}

#[test]
fn lenses_say_what_they_need() {
    let mut state = state();
    assert!(state.request().maps.is_empty());
    let take = Action::OfLens(hypercolumn::NAME, hypercolumn::TAKE);
    press(&mut state, &[take]);
    assert_eq!(state.request().maps, [1, 4, 7, 164], "and is shown");
    press(&mut state, &[take, Action::ToggleInput]);
    assert_eq!(state.request().maps, [1, 4, 7, 0]);
    press(&mut state, &[Action::TogglePredictions, Action::Over(class_activation::NAME)]);
    let request = state.request();
    assert_eq!((request.maps, request.predictions), (vec![310, 0], true), "the top class has to be known");
    press(&mut state, &[Action::Over(class_activation::NAME)]);
    assert!(!state.request().predictions && state.lenses.over.is_none());
}

#[test]
fn a_frame_is_held_as_long_as_it_is_looked_at() {
    let mut state = state();
    assert_eq!(state.apply(Action::Tiles(held::NAME), 1.0), Some(Effect::Hold));
    let frame = Frame::new(7, (2, 2), PixelFormat::Rgb8, &[0; 12], "t".into()).unwrap();
    state.time.held = Some(HeldFrame(frame));
    assert!(state.request().held.is_some() && state.shows_maps());
    press(&mut state, &[Action::Tiles(kernels::NAME)]);
    assert!(state.request().held.is_none() && !state.shows_maps());
    press(&mut state, &[Action::Tiles(kernels::NAME)]);
    assert!(state.lenses.tiles.is_none() && state.time.held.is_none());
}

#[test]
fn typing_a_number_is_ended_by_anything_else() {
    let mut state = state();
    press(&mut state, &[Action::Type('4'), Action::Type('2'), Action::Type('7'), Action::Untype]);
    assert_eq!((state.place.typed.as_str(), state.place.selected), ("42", 0));
    press(&mut state, &[Action::ToggleEnlarged]);
    assert_eq!((state.place.selected, state.place.enlarged), (42, false));
    press(&mut state, &[Action::Type('9'), Action::Reset]);
    assert_eq!((state.place.typed.as_str(), state.place.selected), ("", 42), "given up");
    press(&mut state, &[Action::Type('9'), Action::NextColormap, Action::ToggleEnlarged]);
    assert!(state.place.enlarged && state.place.selected == 42, "something else was done meanwhile");
    press(&mut state, &[Action::Type('7'), Action::Type('6'), Action::Type('8')]);
    assert_eq!(state.apply(Action::ToggleEnlarged, 1.0), Some(Effect::Missing(768)));
}

#[test]
fn effects_are_handed_out_and_requests_follow_the_state() {
    let mut state = state();
    assert_eq!(state.apply(Action::Quit, 1.0), Some(Effect::Quit));
    assert_eq!(state.apply(Action::PreviousPicture, 1.0), Some(Effect::Step(-1)));
    press(&mut state, &[Action::ToggleFit, Action::TogglePredictions, Action::ToggleFrozen]);
    let request = state.request();
    assert_eq!(
        (request.how.fit(state.graph().input_shape()), request.predictions, request.frozen),
        (Fit::Crop, false, true)
    );
    assert_eq!(request.taps, [164]);
    press(&mut state, &[Action::Normalize(Normalize::Layer), Action::Sort(Sort::Mean), Action::Stage(0)]);
    assert_eq!((state.colors.scale.normalize, state.place.sort), (Normalize::Layer, Sort::Mean));
    assert_eq!(state.place.layer, state.graph().stage_end(0));
}

#[test]
fn slices_of_kernels_are_no_grid_of_channels() {
    let mut state = state();
    let layer = state.graph().find("conv2d_4").unwrap();
    press(&mut state, &[Action::Tiles(kernels::NAME)]);
    state.place.go_to_layer(&state.graph().clone(), layer);
    press(&mut state, &[Action::ChannelDown, Action::ChannelDown]);
    assert_eq!(state.place.selected, 2);
}

#[test]
fn a_gradient_starts_at_the_selected_channel_until_one_is_held() {
    let mut state = state();
    press(&mut state, &[Action::Over(saliency::NAME), Action::ChannelRight, Action::ChannelRight]);
    let from = |state: &AppState| {
        let unit = state.request().traces[0].from[0];
        (unit.layer, unit.channel, unit.place)
    };
    assert_eq!(from(&state), (164, 2, Cell::Strongest));
    assert_eq!(state.request().traces[0].wanted, [(0, Form::Gradient)]);
    press(&mut state, &[Action::PreviousLayer, Action::Cells(Cells::Mean)]);
    assert_eq!(from(&state), (163, 0, Cell::Mean), "it follows the selection");
    press(&mut state, &[Action::HoldOrigin, Action::PreviousLayer, Action::ChannelRight]);
    assert_eq!(from(&state), (163, 0, Cell::Mean), "and stays where it is held");
    press(&mut state, &[Action::HoldOrigin]);
    assert_eq!(from(&state), (162, 1, Cell::Mean));
    // A marked cell; the strongest one while none is.
    press(&mut state, &[Action::Cells(Cells::Marked)]);
    assert_eq!(from(&state).2, Cell::Strongest);
    state.place.point = Some([0.0, 0.99]);
    assert_eq!(from(&state).2, Cell::Cell(16, 0));
    // A channel that was asked for by number is the selected one before anything is arranged.
    state.place.followed = Some(77);
    assert_eq!(from(&state).1, 77);
}

#[test]
fn rules_that_average_ask_for_a_mean_and_the_value() {
    let mut state = state();
    press(&mut state, &[Action::OfLens(saliency::NAME, "guided")]);
    assert_eq!((state.request().traces[0].rule, state.request().averaged), (Rule::Guided, None));
    press(&mut state, &[Action::OfLens(saliency::NAME, "smoothgrad"), Action::TraceFrom(Start::Class(281))]);
    let request = state.request();
    let asked = request.averaged.unwrap();
    assert_eq!((asked.method, asked.to, asked.from[0].channel), (Method::SmoothGrad, 0, 281));
    assert!(request.traces[0].wanted.is_empty() && request.traces[0].from == asked.from);
}

#[test]
fn lenses_that_ask_the_same_way_back_share_it() {
    let mut state = state();
    press(&mut state, &[Action::Tiles(gradients::NAME), Action::Over(grad_cam::NAME)]);
    let request = state.request();
    assert_eq!(request.traces.len(), 1);
    assert_eq!(request.traces[0].wanted, [(164, Form::Gradient), (164, Form::Cam(CamMethod::GradCam))]);
    assert_eq!((request.traces[0].from[0].place, request.predictions), (Cell::Top, true));
    // Channels by what they add to the class: the same way once more.
    press(&mut state, &[Action::Sort(Sort::Class)]);
    assert_eq!(state.request().traces[0].wanted[2], (164, Form::TimesValue));
    // Where averages alone lie between, no gradient is needed.
    press(&mut state, &[Action::Tiles(gradients::NAME), Action::Over(grad_cam::NAME)]);
    let last = state.graph().find("mixed10").unwrap();
    state.place.go_to_layer(&state.graph().clone(), last);
    assert!(state.request().traces.is_empty() && state.request().predictions);
}

#[test]
fn layers_behind_the_origin_get_a_sentence() {
    let mut state = state();
    press(&mut state, &[Action::Tiles(gradients::NAME), Action::HoldOrigin]);
    assert_eq!(state.request().traces[0].wanted, [(164, Form::Gradient)]);
    press(&mut state, &[Action::NextStage]);
    assert!(state.request().traces.is_empty());
    let reason = state.tiles_lens().subject(&state.look()).unwrap_err();
    assert!(reason.contains("mixed6 is not before the origin (mixed5 channel 0"), "{reason}");
    assert!(reason.contains("let it go with shift x"), "{reason}");
    // All layers that are written one after the other have their own.
    press(&mut state, &[Action::HoldOrigin]);
    let wanted: Vec<_> =
        state.request_of(&[40, 164]).traces[0].wanted.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(wanted, [40, 164]);
}
