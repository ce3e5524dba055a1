//! The list of everything that can be done: what is found, why some of it does not apply here, and what keys do in it. Pure.

use std::borrow::Cow;

use super::keys::{Action, Command, Key};
use super::lens;
use super::state::{AppState, Search, SourceChoice};
use super::view_model::ViewModel;
use crate::app::keys::Direction;
use crate::gpu::InputChanges;
use crate::inspect::cell::route;
use crate::inspect::{Start, no_answer};
use crate::model::labels::Label;
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
    let classes = classes(search, model.look(state).labels);
    let sources = state.sources.iter().enumerate().map(|(place, title)| Cow::Owned(change_to(place, title)));
    let matching =
        commands.chain(stages).chain(sources).chain(classes.into_iter().map(Cow::Owned)).filter(|command| {
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

/// Of each run other ones.
fn change_to(place: usize, title: &str) -> Command {
    Command {
        name: format!("source-{place}"),
        action: Action::Source(SourceChoice::At(place)),
        keys: vec![],
        help: format!("show {title}"),
    }
}

/// Names of classes are shown once so many letters are typed: there may be thousands.
const LEAST_TYPED: usize = 2;

/// Classes that are shown at most.
const MOST_CLASSES: usize = 40;

/// Classes that can be traced back, and subtracted from what is.
fn classes(search: &Search, labels: &[Label]) -> Vec<Command> {
    if search.text.trim().chars().count() < LEAST_TYPED {
        return vec![];
    }
    let named = |(class, label): (usize, &Label)| Some((class, label.title(class)?));
    // The words in front are found too.
    let found = |(_, title): &(usize, String)| search.finds(&[title, FROM_CLASS, MINUS_CLASS]);
    let command = |name: &str, action, class: usize, help| Command {
        name: format!("{name}-{class}"),
        action,
        keys: vec![],
        help,
    };
    let titles: Vec<_> =
        labels.iter().enumerate().filter_map(named).filter(found).take(MOST_CLASSES).collect();
    let from = titles.iter().map(|(class, title)| {
        let help = format!("{FROM_CLASS}: {title}");
        command("class", Action::TraceFrom(Start::Class(*class)), *class, help)
    });
    let minus = titles.iter().map(|(class, title)| {
        let help = format!("{MINUS_CLASS}: {title}");
        command("minus-class", Action::Subtract(Start::Class(*class)), *class, help)
    });
    from.chain(minus).collect()
}

/// What is in front of a class that can be traced back.
const FROM_CLASS: &str = "trace back the class";

/// What is in front of a class that can be subtracted.
const MINUS_CLASS: &str = "subtract the class";

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
        Action::PreviousPage | Action::NextPage if state.lenses.tiles == Some(lens::rows::NAME) => None,
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
        Action::ChangeInput(change) => InputChanges::hindered(change, graph.input_shape()).map(String::from),
        Action::TogglePredictions | Action::ToggleCurve => {
            let has_none = graph.answer().is_none();
            has_none
                .then(|| no_answer(graph))
                .or_else(|| say(!model.trained(), "an untrained network predicts nothing"))
        }
        Action::Source(_) => say(state.sources.is_empty(), "a recorded session has its own source"),
        Action::Sort(Sort::Class) => lens::sorted_by(&look).err(),
        Action::ToggleClass | Action::TraceFrom(_) | Action::Subtract(_) => {
            let has_none = graph.answer().is_none();
            has_none
                .then(|| no_answer(graph))
                .or_else(|| say(!model.trained(), "an untrained network's classes mean nothing"))
        }
        Action::ToggleCell => {
            let channel = state.selected_channel(look.layer).unwrap_or(0);
            route(graph, look.layer, channel as usize).err()
        }
        Action::ToggleLock | Action::Snapshot | Action::Record => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::named;

    #[test]
    fn classes_are_found_by_their_words_once_some_are_typed() {
        let labels = named(&["tabby", "tiger cat", "tiger"]);
        let of = |text: &str| {
            let mut search = Search::default();
            search.add(text);
            let found = classes(&search, &labels);
            found.into_iter().map(|command| (command.name, command.action)).collect::<Vec<_>>()
        };
        assert!(of("t").is_empty());
        let tabby = Start::Class(0);
        let both = [
            ("class-0".to_string(), Action::TraceFrom(tabby)),
            ("minus-class-0".to_string(), Action::Subtract(tabby)),
        ];
        assert_eq!(of("tabby"), both);
        assert_eq!(of("class tabb"), both);
        assert_eq!(of("tiger").len(), 4);
        assert!(of("dog").is_empty());
    }
}
