//! The list of everything that can be done: what is found, why some of it does not apply here, and what keys do in it. Pure.

use std::borrow::Cow;

use super::keys::{Action, Command, Key};
use super::lens;
use super::state::{AppState, Search};
use super::view_model::ViewModel;
use crate::app::keys::Direction;
use crate::inspect::{explained, no_answer, pooled_from};
use crate::view::{Normalize, Sort};

/// Entries that page up and page down go by.
const PAGE: isize = 8;

/// One row of the list.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What it does.
    pub command: Cow<'a, Command>,
    /// Why it does nothing here.
    pub hindered: Option<String>,
}

/// What is found by what was typed; what does not apply here comes last.
pub fn found<'a>(search: &Search, state: &'a AppState, model: &ViewModel) -> Vec<Entry<'a>> {
    let commands = state.keys.commands.iter().filter(|command| command.is_one_action()).map(Cow::Borrowed);
    let stages = state.graph().stages.iter().enumerate();
    let stages = stages.map(|(stage, name)| Cow::Owned(go_to(stage, name)));
    let matching = commands.chain(stages).filter(|command| {
        search.finds(&[
            &command.name.replace('-', " "),
            &command.name,
            &command.help,
            &command.keys_in_words(),
        ])
    });
    let mut all: Vec<Entry<'_>> =
        matching.map(|command| Entry { hindered: hindered(command.action, state, model), command }).collect();
    all.sort_by_key(|entry| entry.hindered.is_some());
    all
}

/// Of each network other ones, so that none has a key.
fn go_to(stage: usize, name: &str) -> Command {
    Command {
        name: format!("stage-{name}"),
        action: Action::Stage(stage),
        keys: vec![],
        help: format!("stage {name}, at its last layer"),
    }
}

/// Why an action does nothing here; `None` where it does something.
pub fn hindered(action: Action, state: &AppState, model: &ViewModel) -> Option<String> {
    let (graph, place) = (state.graph(), &state.place);
    let look = model.look(state);
    let say = |is: bool, text: &str| is.then(|| text.to_string());
    match action {
        Action::PreviousLayer | Action::PreviousStage => say(place.layer == 0, "this is the first layer"),
        Action::NextLayer | Action::NextStage => {
            say(place.layer + 1 == graph.nodes.len(), "this is the last layer")
        }
        Action::Stage(stage) => say(place.layer == graph.stage_end(stage), "this is the layer that is shown"),
        Action::PreviousPage => say(place.page() == 0, "this is the first page"),
        Action::NextPage => {
            let count = state.shown_channels(place.layer).len();
            say(place.positions(count).end == count, "this is the last page")
        }
        Action::ToggleEnlarged => {
            let subject = state.tiles_lens().subject(&look);
            say(subject.is_ok_and(|subject| !subject.is_selectable), "the tiles are no channels")
        }
        Action::Tiles(name) => lens::tiles(Some(name)).hindered(&look),
        Action::Over(name) => lens::overlay(name).and_then(|lens| lens.hindered(&look)),
        Action::LessOpacity | Action::MoreOpacity => {
            say(state.lenses.over.is_none(), "nothing lies over the picture")
        }
        Action::NextBoost => {
            let normalize = state.colors.scale.normalize;
            let acts = matches!(normalize, Normalize::Layer | Normalize::Symmetric);
            say(!acts, "boost acts on one range for the layer: choose layer or symmetric first")
        }
        Action::TogglePredictions | Action::ToggleCurve => {
            let has_none = graph.answer().is_none();
            has_none
                .then(|| no_answer(graph))
                .or_else(|| say(!model.trained(), "an untrained network predicts nothing"))
        }
        Action::Sort(Sort::Class) => {
            let is_summed = pooled_from(graph, place.layer).is_some();
            let here =
                || say(!is_summed, "only where the classifier averages the maps, as of the last block");
            explained(graph).err().or_else(here)
        }
        Action::ToggleLock | Action::Snapshot => {
            say(model.activations.is_none(), "there is nothing to see yet")
        }
        _ => None,
    }
}

/// What a key does while the list is open; what it asks for besides.
pub fn press(key: Key, typed: Option<&str>, state: &mut AppState, model: &ViewModel) -> Option<Action> {
    let mut search = state.panels.palette.take()?;
    let count = found(&search, state, model).len();
    let mut action = None;
    let mut stays = true;
    match key {
        Key::Escape => stays = false,
        Key::Enter => {
            let all = found(&search, state, model);
            if let Some(entry) = all.get(search.chosen).filter(|entry| entry.hindered.is_none()) {
                (action, stays) = (Some(entry.command.action), false);
            }
        }
        Key::Backspace => search.remove(),
        Key::Arrow(Direction::Up) => search.step(-1, count),
        Key::Arrow(Direction::Down) => search.step(1, count),
        Key::PageUp => search.chosen = search.chosen.saturating_add_signed(-PAGE),
        Key::PageDown => {
            search.chosen = search.chosen.saturating_add_signed(PAGE).min(count.saturating_sub(1))
        }
        Key::Ctrl(_) => stays = state.keys.action_of(key) != Some(Action::TogglePalette),
        _ => search.add(typed.unwrap_or_default()),
    }
    // What opens the list again is no reason to keep this one.
    state.panels.palette = Some(search).filter(|_| stays);
    action.filter(|action| *action != Action::TogglePalette)
}
