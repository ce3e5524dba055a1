//! Actions as words, so that they can be kept and done again.

use super::action::Action;
use super::key::Direction;
use super::table::keymap;
use crate::app::state::Section;
use crate::inspect::Start;
use crate::model::Place;

const DIRECTIONS: [(Direction, &str); 4] = [
    (Direction::Left, "left"),
    (Direction::Right, "right"),
    (Direction::Up, "up"),
    (Direction::Down, "down"),
];

const SECTIONS: [(Section, &str); 5] = [
    (Section::Over, "over"),
    (Section::Predictions, "predictions"),
    (Section::Health, "health"),
    (Section::Channel, "channel"),
    (Section::Colors, "colors"),
];

impl Action {
    /// In words that [`Action::read`] reads; `None` of what is done to the program or the source rather than in the view, and of
    /// freezing, which has no meaning where frames come again.
    pub fn spelled(self) -> Option<String> {
        Some(match self {
            Self::Snapshot
            | Self::Record
            | Self::Source(_)
            | Self::Quit
            | Self::TogglePalette
            | Self::ToggleFrozen
            | Self::Moment(_)
            | Self::NextPicture
            | Self::PreviousPicture
            | Self::Seek(_) => return None,
            Self::Layer(layer) => format!("layer {layer}"),
            Self::Stage(stage) => format!("stage {stage}"),
            Self::Select(position) => format!("select {position}"),
            Self::Enlarge(position) => format!("enlarge {position}"),
            Self::Type(digit) => format!("type {digit}"),
            Self::MovePoint(direction) => format!("move {}", named(&DIRECTIONS, direction)?),
            Self::MarkPoint([x, y]) => format!("mark {x} {y}"),
            Self::Fold(section, is_open) => format!("fold {} {is_open}", named(&SECTIONS, section)?),
            Self::TraceFrom(start) => format!("trace {}", start_in_words(start)),
            Self::Subtract(start) => format!("subtract {}", start_in_words(start)),
            action => keymap().command(action)?.name.clone(),
        })
    }

    /// What [`Action::spelled`] wrote; `None` where it is none of this version.
    pub fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        Some(match words[..] {
            ["layer", layer] => Self::Layer(layer.parse().ok()?),
            ["stage", stage] => Self::Stage(stage.parse().ok()?),
            ["select", position] => Self::Select(position.parse().ok()?),
            ["enlarge", position] => Self::Enlarge(position.parse().ok()?),
            ["type", digit] => Self::Type(digit.parse().ok()?),
            ["move", direction] => Self::MovePoint(of_name(&DIRECTIONS, direction)?),
            ["mark", x, y] => Self::MarkPoint([x.parse().ok()?, y.parse().ok()?]),
            ["fold", section, is_open] => Self::Fold(of_name(&SECTIONS, section)?, is_open.parse().ok()?),
            ["trace", ref start @ ..] => Self::TraceFrom(start_of(start)?),
            ["subtract", ref start @ ..] => Self::Subtract(start_of(start)?),
            [name] => keymap().commands.iter().find(|command| command.name == name)?.action,
            _ => return None,
        })
    }
}

fn named<T: PartialEq>(names: &[(T, &'static str)], wanted: T) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == wanted).map(|(_, name)| *name)
}

fn of_name<T: Copy>(names: &[(T, &str)], wanted: &str) -> Option<T> {
    names.iter().find(|(_, name)| *name == wanted).map(|(known, _)| *known)
}

fn start_in_words(start: Start) -> String {
    match start {
        Start::TopClass => "top".into(),
        Start::Class(class) => format!("class {class}"),
        Start::Channel { layer, channel, place, .. } => match place {
            Place::Strongest => format!("channel {layer} {channel} strongest"),
            Place::Mean => format!("channel {layer} {channel} mean"),
            Place::Top => format!("channel {layer} {channel} top"),
            Place::Cell(row, column) => format!("channel {layer} {channel} cell {row} {column}"),
        },
    }
}

fn start_of(words: &[&str]) -> Option<Start> {
    let (layer, channel, place) = match *words {
        ["top"] => return Some(Start::TopClass),
        ["class", class] => return Some(Start::Class(class.parse().ok()?)),
        ["channel", layer, channel, "strongest"] => (layer, channel, Place::Strongest),
        ["channel", layer, channel, "mean"] => (layer, channel, Place::Mean),
        ["channel", layer, channel, "top"] => (layer, channel, Place::Top),
        ["channel", layer, channel, "cell", row, column] => {
            (layer, channel, Place::Cell(row.parse().ok()?, column.parse().ok()?))
        }
        _ => return None,
    };
    Some(Start::Channel {
        layer: layer.parse().ok()?,
        channel: channel.parse().ok()?,
        place,
        strongest: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let channel = |place| Start::Channel { layer: 3, channel: 7, place, strongest: None };
        let starts = [Place::Strongest, Place::Mean, Place::Top, Place::Cell(2, 5)].map(channel);
        let starts = starts.into_iter().chain([Start::TopClass, Start::Class(285)]);
        let traced = starts.flat_map(|start| [Action::TraceFrom(start), Action::Subtract(start)]);
        let others =
            [Action::Layer(12), Action::Stage(1), Action::Select(0), Action::Enlarge(4), Action::Type('7')];
        let more = [Action::MarkPoint([0.25, 1.0 / 3.0]), Action::Fold(Section::Health, true)];
        let moves = Direction::ALL.map(Action::MovePoint);
        let table = keymap().commands.iter().map(|command| command.action).collect::<Vec<_>>();
        let mut kept = 0;
        for action in traced.chain(others).chain(more).chain(moves).chain(table) {
            if let Some(words) = action.spelled() {
                assert_eq!(Action::read(&words), Some(action), "{words}");
                kept += 1;
            }
        }
        assert!(kept > 80 && Action::Snapshot.spelled().is_none() && Action::read("no-such-thing").is_none());
    }
}
