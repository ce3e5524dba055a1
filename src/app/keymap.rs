//! The one table of keys: it makes the keys work, the help overlay, and the README's list.

/// A key, free of any window system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// What the key types, upper case with shift.
    Char(char),
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
    /// An arrow with shift.
    Shift(Direction),
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Escape.
    Escape,
    /// Return.
    Enter,
    /// Backspace.
    Backspace,
}

/// Where an arrow points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
}

/// What a key, a click or a wheel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// One layer towards the input.
    PreviousLayer,
    /// One layer towards the output.
    NextLayer,
    /// To the end of the stage before.
    PreviousStage,
    /// To the end of the next stage.
    NextStage,
    /// Select the channel to the left.
    ChannelLeft,
    /// Select the channel to the right.
    ChannelRight,
    /// Select the channel above.
    ChannelUp,
    /// Select the channel below.
    ChannelDown,
    /// The selected channel alone, or all again.
    ToggleEnlarged,
    /// A page of channels back.
    PreviousPage,
    /// A page of channels on.
    NextPage,
    /// Larger tiles.
    LargerTiles,
    /// Smaller tiles.
    SmallerTiles,
    /// As large as all channels allow.
    AutomaticTiles,
    /// The next colormap.
    NextColormap,
    /// The next meaning of the colormap's ends.
    NextNormalize,
    /// Hold the ranges that are in force.
    ToggleLock,
    /// The next gamma.
    NextGamma,
    /// The next boost.
    NextBoost,
    /// Blocky or smooth enlargement.
    ToggleSmooth,
    /// The selected map over the picture.
    ToggleOverPicture,
    /// Keep this frame.
    ToggleFrozen,
    /// Compare with this frame.
    ToggleHeld,
    /// Swap left and right on the screen.
    ToggleMirror,
    /// Crop or stretch the picture to a square.
    ToggleFit,
    /// Compute and show predictions.
    TogglePredictions,
    /// The picture as it came, or the 299×299 pixels that the network sees.
    ToggleInput,
    /// The probabilities of all classes as a curve.
    ToggleCurve,
    /// The hypercolumn over the picture.
    ToggleHypercolumn,
    /// The class activation map over the picture.
    ToggleClassActivation,
    /// Take the layer into the hypercolumn, or out of it.
    ToggleInHypercolumn,
    /// The hypercolumn lets more of the picture through.
    LessOpacity,
    /// The hypercolumn covers more of the picture.
    MoreOpacity,
    /// The weights of the layer in place of its maps.
    ToggleKernels,
    /// Sort channels by the next thing.
    NextSort,
    /// Sort channels by the thing before.
    PreviousSort,
    /// Similar channels beside each other, or by number.
    ToggleSimilarity,
    /// Leave other channels out.
    NextFilter,
    /// A digit of a channel's number.
    Type(char),
    /// Take the last digit back.
    Untype,
    /// Move the point that keys mark.
    MovePoint(Direction),
    /// Mark what is wrong with maps.
    ToggleHealth,
    /// Forget what was seen of the maps' health.
    RestartHealth,
    /// The next picture of the folder.
    NextPicture,
    /// The picture before.
    PreviousPicture,
    /// Write what is seen to disk.
    Snapshot,
    /// Dark or light.
    ToggleTheme,
    /// Show or hide the keys.
    ToggleHelp,
    /// Back to how it started.
    Reset,
    /// End.
    Quit,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys, any of which does it.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// In words, for the help and the README.
    pub help: &'static str,
}

const fn row(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, action, help }
}

const DIGITS: &[Key] = &[
    Key::Char('0'),
    Key::Char('1'),
    Key::Char('2'),
    Key::Char('3'),
    Key::Char('4'),
    Key::Char('5'),
    Key::Char('6'),
    Key::Char('7'),
    Key::Char('8'),
    Key::Char('9'),
];

const SHIFTED_ARROWS: &[Key] = &[
    Key::Shift(Direction::Left),
    Key::Shift(Direction::Right),
    Key::Shift(Direction::Up),
    Key::Shift(Direction::Down),
];

/// All keys. Those that the Deep Visualization Toolbox has too do the same as there.
pub const BINDINGS: &[Binding] = &[
    row(&[Key::Char('u')], Action::PreviousLayer, "previous layer"),
    row(&[Key::Char('o')], Action::NextLayer, "next layer"),
    row(&[Key::Char('U')], Action::PreviousStage, "previous stage (stem, mixed0 … mixed10, pool, out)"),
    row(&[Key::Char('O')], Action::NextStage, "next stage"),
    row(&[Key::Left, Key::Char('j')], Action::ChannelLeft, "select the channel to the left"),
    row(&[Key::Right, Key::Char('l')], Action::ChannelRight, "select the channel to the right"),
    row(&[Key::Up, Key::Char('i')], Action::ChannelUp, "select the channel above"),
    row(&[Key::Down, Key::Char('k')], Action::ChannelDown, "select the channel below"),
    row(&[Key::Char('z'), Key::Enter], Action::ToggleEnlarged, "enlarge the selected channel"),
    row(&[Key::PageUp], Action::PreviousPage, "previous page of channels"),
    row(&[Key::PageDown], Action::NextPage, "next page of channels"),
    row(&[Key::Char('+'), Key::Char('=')], Action::LargerTiles, "larger tiles"),
    row(&[Key::Char('-')], Action::SmallerTiles, "smaller tiles"),
    row(&[Key::Char('a')], Action::AutomaticTiles, "tiles as large as fit"),
    row(&[Key::Char('m')], Action::NextColormap, "next colormap (viridis, magma, grey, diverging)"),
    row(&[Key::Char('n')], Action::NextNormalize, "colours per map, per layer, or symmetric around zero"),
    row(&[Key::Char('L')], Action::ToggleLock, "lock the ranges: brightness can be compared over time"),
    row(&[Key::Char('t')], Action::NextGamma, "gamma (1, 0.7, 0.5, 0.3): brighter small values"),
    row(&[Key::Char('T')], Action::NextBoost, "boost (0, 0.3, 0.5, 0.8, 1): brighter weak maps, per layer"),
    row(&[Key::Char('b')], Action::ToggleSmooth, "blocky or smooth tiles"),
    row(&[Key::Char('r')], Action::ToggleOverPicture, "the selected map over the picture"),
    row(&[Key::Char('f'), Key::Char(' ')], Action::ToggleFrozen, "freeze the frame"),
    row(&[Key::Char('H')], Action::ToggleHeld, "hold this frame and show what differs from it"),
    row(&[Key::Char('v')], Action::ToggleMirror, "mirror the image on screen"),
    row(&[Key::Char('C')], Action::ToggleFit, "crop or stretch to a square"),
    row(&[Key::Char('P')], Action::TogglePredictions, "predictions on or off"),
    row(&[Key::Char('g')], Action::ToggleCurve, "graph of all class probabilities"),
    row(&[Key::Char('p')], Action::ToggleInput, "the picture as it came, or as the network sees it"),
    row(
        &[Key::Char('c')],
        Action::ToggleClassActivation,
        "class activation map: where the top class comes from",
    ),
    row(&[Key::Char('y')], Action::ToggleHypercolumn, "hypercolumn of the chosen layers over the picture"),
    row(&[Key::Char('x')], Action::ToggleInHypercolumn, "take the layer into the hypercolumn, or out of it"),
    row(&[Key::Char('[')], Action::LessOpacity, "what lies over the picture fainter"),
    row(&[Key::Char(']')], Action::MoreOpacity, "what lies over the picture stronger"),
    row(&[Key::Char('K')], Action::ToggleKernels, "kernels (weights) of the layer, or its maps"),
    row(&[Key::Char('.')], Action::NextSort, "sort by the next (max, mean, change, class, health …)"),
    row(&[Key::Char(',')], Action::PreviousSort, "sort by the one before"),
    row(&[Key::Char('S')], Action::ToggleSimilarity, "similar channels beside each other, or by number"),
    row(&[Key::Char('F')], Action::NextFilter, "hide silent channels, dead ones, or none"),
    row(DIGITS, Action::Type('0'), "type a channel's number, then enter: go there"),
    row(&[Key::Backspace], Action::Untype, "take the last digit back"),
    row(
        SHIFTED_ARROWS,
        Action::MovePoint(Direction::Left),
        "mark a cell of the enlarged map, or a pixel of the hypercolumn",
    ),
    row(&[Key::Char('d')], Action::ToggleHealth, "diagnose: mark dead, solid and copying maps"),
    row(&[Key::Char('D')], Action::RestartHealth, "diagnose from here on"),
    row(&[Key::Char('e')], Action::NextPicture, "next picture of the folder; one frame forward"),
    row(&[Key::Char('w')], Action::PreviousPicture, "previous picture; one frame back (freezes)"),
    row(&[Key::Char('s')], Action::Snapshot, "snapshot to disk"),
    row(&[Key::Char('B')], Action::ToggleTheme, "dark or light background"),
    row(&[Key::Char('h'), Key::Char('?')], Action::ToggleHelp, "this help"),
    row(&[Key::Escape], Action::Reset, "back to how it started"),
    row(&[Key::Char('q')], Action::Quit, "quit"),
];

/// What a key does.
pub fn action_of(key: Key) -> Option<Action> {
    let action = BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)?;
    Some(match (action, key) {
        // One row stands for several keys.
        (Action::Type(_), Key::Char(digit)) => Action::Type(digit),
        (Action::MovePoint(_), Key::Shift(direction)) => Action::MovePoint(direction),
        _ => action,
    })
}

impl Key {
    /// The key as people call it.
    pub fn label(self) -> String {
        match self {
            Self::Char(' ') => "space".into(),
            Self::Char(c) if c.is_uppercase() => format!("shift {}", c.to_lowercase()),
            Self::Char(c) => c.into(),
            Self::Left => "left".into(),
            Self::Right => "right".into(),
            Self::Up => "up".into(),
            Self::Down => "down".into(),
            Self::Shift(Direction::Left) => "shift left".into(),
            Self::Shift(Direction::Right) => "shift right".into(),
            Self::Shift(Direction::Up) => "shift up".into(),
            Self::Shift(Direction::Down) => "shift down".into(),
            Self::PageUp => "page up".into(),
            Self::PageDown => "page down".into(),
            Self::Escape => "esc".into(),
            Self::Enter => "enter".into(),
            Self::Backspace => "backspace".into(),
        }
    }
}

/// The keys of a row: `left  j`.
pub fn labels(keys: &[Key]) -> String {
    if keys == DIGITS {
        return "0 … 9".into();
    }
    if keys == SHIFTED_ARROWS {
        return "shift arrows".into();
    }
    keys.iter().map(|key| key.label()).collect::<Vec<_>>().join("  ")
}

/// The keys that do this: `z  enter`.
pub fn keys_for(action: Action) -> String {
    BINDINGS.iter().find(|binding| binding.action == action).map_or_else(String::new, |b| labels(b.keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_does_two_things_and_no_action_has_two_rows() {
        let mut keys = HashSet::new();
        assert!(BINDINGS.iter().flat_map(|b| b.keys).all(|key| keys.insert(*key)));
        for (index, binding) in BINDINGS.iter().enumerate() {
            assert!(BINDINGS[index + 1..].iter().all(|other| other.action != binding.action));
            assert_eq!(action_of(binding.keys[0]), Some(binding.action));
        }
        assert_eq!(action_of(Key::Char('U')), Some(Action::PreviousStage));
        assert_eq!(action_of(Key::Char('#')), None);
        assert_eq!(action_of(Key::Char('7')), Some(Action::Type('7')));
        assert_eq!(action_of(Key::Shift(Direction::Up)), Some(Action::MovePoint(Direction::Up)));
    }

    #[test]
    fn the_readme_lists_every_key() {
        let readme = include_str!("../../README.md");
        for binding in BINDINGS {
            let line = format!("| `{}` | {} |", labels(binding.keys), binding.help);
            assert!(readme.contains(&line), "README.md lacks the line {line}");
        }
    }
}
