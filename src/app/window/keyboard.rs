//! What winit says of a key press, as a key of the table.

use winit::keyboard::{Key as WinitKey, KeyCode, ModifiersState, NamedKey, PhysicalKey};

use super::places::on_us_layout;
use crate::app::keys::{Direction, Key};

/// Turns presses into keys: by what they type, or, on a layout without Latin letters, by where they lie on a US keyboard. Caps
/// Lock and Num Lock change nothing; with ctrl, alt or super a key is another one, and mostly none of ours.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    script: Script,
    /// Whether the key that is held did something that is done again and again.
    repeats: bool,
}

/// A key that went down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press<'a> {
    /// Where it lies.
    pub place: PhysicalKey,
    /// What it types.
    pub typed: &'a WinitKey,
    /// What is held beside it.
    pub modifiers: ModifiersState,
}

/// What the letters of a layout are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Script {
    /// Latin, and taken for Latin.
    #[default]
    Latin,
    /// Greek, Cyrillic, Hebrew, …
    Other,
}

impl Keyboard {
    /// The key of a press. `layout`: what the window system says of it; where it says nothing, it is learned from what is typed.
    pub fn key(&mut self, press: Press, layout: Option<Script>) -> Option<Key> {
        self.script = layout.or_else(|| learned(press)).unwrap_or(self.script);
        key_of(press, self.script)
    }

    /// Whether a press counts: a key that is held is pressed again and again, which is meant where it moves something.
    pub fn counts(&self, is_repeat: bool) -> bool {
        !is_repeat || self.repeats
    }

    /// Remembers of the key that went down whether what it did is done again while it is held.
    pub fn did(&mut self, repeats: bool) {
        self.repeats = repeats;
    }
}

/// What a press tells of the layout's letters.
fn learned(press: Press) -> Option<Script> {
    let WinitKey::Character(text) = press.typed else { return None };
    let typed = text.chars().next()?;
    let shift = press.modifiers.shift_key();
    // Some layouts have Latin capitals behind shift.
    let is_foreign = || on_us_layout(press.place, shift).is_some_and(|us| !us.eq_ignore_ascii_case(&typed));
    match typed {
        c if !is_latin(c) => Some(Script::Other),
        c if c.is_alphabetic() && (!shift || is_foreign()) => Some(Script::Latin),
        _ => None,
    }
}

/// True for Latin letters, digits, and signs that belong to no script.
pub(super) fn is_latin(c: char) -> bool {
    matches!(c, '\0'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' | '\u{2000}'..='\u{2bff}')
}

fn key_of(press: Press, script: Script) -> Option<Key> {
    let Press { place, typed, modifiers } = press;
    let is_plain = !modifiers.control_key() && !modifiers.alt_key() && !modifiers.super_key();
    if let PhysicalKey::Code(code) = place
        && let Some(digit) = keypad_digit(code)
    {
        return is_plain.then_some(Key::Char(digit));
    }
    let shift = modifiers.shift_key();
    let arrow = |direction| if shift { Key::Shift(direction) } else { Key::Arrow(direction) };
    let named = match typed {
        WinitKey::Named(named) => match named {
            NamedKey::ArrowLeft => arrow(Direction::Left),
            NamedKey::ArrowRight => arrow(Direction::Right),
            NamedKey::ArrowUp => arrow(Direction::Up),
            NamedKey::ArrowDown => arrow(Direction::Down),
            NamedKey::PageUp => Key::PageUp,
            NamedKey::PageDown => Key::PageDown,
            NamedKey::Escape => Key::Escape,
            NamedKey::Enter => Key::Enter,
            NamedKey::Backspace => Key::Backspace,
            NamedKey::Space => Key::Char(' '),
            _ => return None,
        },
        _ => return character(press, script),
    };
    is_plain.then_some(named)
}

fn character(press: Press, script: Script) -> Option<Key> {
    let Press { place, typed, modifiers } = press;
    let shift = modifiers.shift_key();
    let typed = match typed {
        WinitKey::Character(text) => text.chars().next(),
        _ => None,
    };
    let typed_here = typed.filter(|c| script == Script::Latin && is_latin(*c));
    let c = match script {
        Script::Latin => typed_here.or_else(|| typed.and_then(|_| on_us_layout(place, shift))),
        // An accent that waits for a letter, and a key that types nothing, lie somewhere too.
        Script::Other => on_us_layout(place, shift),
    };
    let c = c.or(typed)?;
    let (ctrl, alt, logo) = (modifiers.control_key(), modifiers.alt_key(), modifiers.super_key());
    if !c.is_alphabetic() {
        return types_signs(ctrl, alt, logo).then_some(Key::Char(c));
    }
    // Of a letter without a counterpart in the other case there is one.
    let lower = c.to_lowercase().next()?;
    match (ctrl, alt || logo) {
        (false, false) if shift => Some(Key::Char(lower.to_uppercase().next()?)),
        (false, false) => Some(Key::Char(lower)),
        (true, false) => Some(Key::Ctrl(lower)),
        (_, true) => None,
    }
}

/// Whether these modifiers are those that a layout wants for a sign: AltGr, which is ctrl and alt on Windows and alt on a Mac,
/// and none of these elsewhere.
const fn types_signs(ctrl: bool, alt: bool, logo: bool) -> bool {
    if cfg!(windows) { ctrl == alt && !logo } else { !ctrl && (!alt || cfg!(target_os = "macos")) && !logo }
}

/// A digit of the keypad, whatever Num Lock says.
fn keypad_digit(code: KeyCode) -> Option<char> {
    Some(match code {
        KeyCode::Numpad0 => '0',
        KeyCode::Numpad1 => '1',
        KeyCode::Numpad2 => '2',
        KeyCode::Numpad3 => '3',
        KeyCode::Numpad4 => '4',
        KeyCode::Numpad5 => '5',
        KeyCode::Numpad6 => '6',
        KeyCode::Numpad7 => '7',
        KeyCode::Numpad8 => '8',
        KeyCode::Numpad9 => '9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use winit::keyboard::SmolStr;

    const NONE: ModifiersState = ModifiersState::empty();
    const SHIFT: ModifiersState = ModifiersState::SHIFT;

    fn typed(text: &str) -> WinitKey {
        WinitKey::Character(SmolStr::new(text))
    }

    /// The key of a press on a keyboard of which the window system tells `layout`.
    fn key_on(layout: Option<Script>, code: KeyCode, text: &str, modifiers: ModifiersState) -> Option<Key> {
        let press = Press { place: PhysicalKey::Code(code), typed: &typed(text), modifiers };
        Keyboard::default().key(press, layout)
    }

    fn key(code: KeyCode, text: &str, modifiers: ModifiersState) -> Option<Key> {
        key_on(None, code, text, modifiers)
    }

    fn char_of(code: KeyCode, text: &str, modifiers: ModifiersState) -> Option<char> {
        match key_on(Some(Script::Other), code, text, modifiers) {
            Some(Key::Char(c)) => Some(c),
            _ => None,
        }
    }

    #[test]
    fn locks_change_nothing() {
        // Caps Lock types an upper-case letter without shift, and a lower-case one with it.
        assert_eq!(key(KeyCode::KeyA, "A", NONE), Some(Key::Char('a')));
        assert_eq!(key(KeyCode::KeyA, "a", SHIFT), Some(Key::Char('A')));
        assert_eq!(key(KeyCode::KeyA, "Ф", NONE), Some(Key::Char('a')));
        assert_eq!(key(KeyCode::Numpad7, "7", NONE), Some(Key::Char('7')));
        let home = WinitKey::Named(NamedKey::Home);
        let press = Press { place: PhysicalKey::Code(KeyCode::Numpad7), typed: &home, modifiers: NONE };
        assert_eq!(key_of(press, Script::Latin), Some(Key::Char('7')));
    }

    #[test]
    fn a_layout_without_latin_letters_lies_as_a_us_keyboard() {
        // Place, what it types there on some layout, with shift or not, and what it is.
        for (code, text, modifiers, wanted) in [
            (KeyCode::KeyR, "к", NONE, 'r'),
            (KeyCode::KeyR, "К", SHIFT, 'R'),
            (KeyCode::KeyQ, ";", NONE, 'q'),
            (KeyCode::KeyQ, "/", NONE, 'q'),
            (KeyCode::KeyQ, ",", NONE, 'q'),
            (KeyCode::KeyW, "'", NONE, 'w'),
            (KeyCode::KeyO, "O", SHIFT, 'O'),
            (KeyCode::KeyD, "\u{94d}", NONE, 'd'),
            (KeyCode::KeyX, "ป", NONE, 'x'),
            (KeyCode::KeyX, ")", SHIFT, 'X'),
            (KeyCode::BracketLeft, "х", NONE, '['),
            (KeyCode::BracketLeft, "]", NONE, '['),
            (KeyCode::BracketRight, "[", NONE, ']'),
            (KeyCode::Period, "ю", NONE, '.'),
            (KeyCode::Period, "ץ", NONE, '.'),
            (KeyCode::Comma, "б", NONE, ','),
            (KeyCode::Slash, ".", NONE, '/'),
            (KeyCode::Slash, ",", SHIFT, '?'),
            (KeyCode::Slash, "؟", SHIFT, '?'),
            (KeyCode::Equal, "=", SHIFT, '+'),
            (KeyCode::Minus, "ข", NONE, '-'),
            (KeyCode::Digit1, "ๅ", NONE, '1'),
            (KeyCode::Digit2, "/", NONE, '2'),
            (KeyCode::Digit9, "٩", NONE, '9'),
        ] {
            assert_eq!(char_of(code, text, modifiers), Some(wanted), "{code:?} {text}");
        }
        let accent = WinitKey::Dead(Some('´'));
        let press = Press { place: PhysicalKey::Code(KeyCode::KeyQ), typed: &accent, modifiers: NONE };
        assert_eq!(key_of(press, Script::Other), Some(Key::Char('q')));
        assert_eq!(key_of(press, Script::Latin), None);
        // What has no place on a US keyboard's main part is what it types.
        assert_eq!(char_of(KeyCode::NumpadAdd, "+", NONE), Some('+'));
    }

    #[test]
    fn a_layout_with_latin_letters_is_what_it_types() {
        for (code, text, modifiers, wanted) in [
            // French: a and q, digits behind shift, signs on their keys.
            (KeyCode::KeyQ, "a", NONE, 'a'),
            (KeyCode::Digit1, "1", SHIFT, '1'),
            (KeyCode::Digit2, "é", NONE, 'é'),
            (KeyCode::KeyM, ",", NONE, ','),
            // German, Turkish, Dvorak.
            (KeyCode::Minus, "?", SHIFT, '?'),
            (KeyCode::Digit8, "[", NONE, '['),
            (KeyCode::KeyY, "z", NONE, 'z'),
            (KeyCode::Slash, ".", NONE, '.'),
            (KeyCode::KeyI, "ı", NONE, 'ı'),
            (KeyCode::KeyW, ",", NONE, ','),
        ] {
            assert_eq!(key(code, text, modifiers), Some(Key::Char(wanted)), "{code:?} {text}");
        }
    }

    #[test]
    fn a_layout_is_learned_where_nothing_tells_it() {
        let mut keyboard = Keyboard::default();
        let mut press = |code, text: &str, modifiers| {
            keyboard.key(Press { place: PhysicalKey::Code(code), typed: &typed(text), modifiers }, None)
        };
        assert_eq!(press(KeyCode::Slash, ".", NONE), Some(Key::Char('.')));
        assert_eq!(press(KeyCode::KeyO, "щ", NONE), Some(Key::Char('o')));
        assert_eq!(press(KeyCode::Slash, ".", NONE), Some(Key::Char('/')));
        // Georgian: a Latin capital behind shift.
        assert_eq!(press(KeyCode::KeyQ, "Q", SHIFT), Some(Key::Char('Q')));
        assert_eq!(press(KeyCode::Slash, ".", NONE), Some(Key::Char('/')));
        assert_eq!(press(KeyCode::KeyO, "o", NONE), Some(Key::Char('o')));
        assert_eq!(press(KeyCode::Slash, ".", NONE), Some(Key::Char('.')));
    }

    #[test]
    fn keys_with_other_modifiers_are_no_plain_keys() {
        let k = |modifiers| key(KeyCode::KeyK, "k", modifiers);
        assert_eq!(k(ModifiersState::CONTROL), Some(Key::Ctrl('k')));
        assert_eq!(key(KeyCode::KeyK, "л", ModifiersState::CONTROL), Some(Key::Ctrl('k')));
        let (alt, logo) = (ModifiersState::ALT, ModifiersState::SUPER);
        for held in [alt, logo, ModifiersState::CONTROL | alt, SHIFT | logo] {
            assert_eq!(k(held), None, "{held:?}");
        }
        for held in [ModifiersState::CONTROL, alt, logo] {
            for named in [NamedKey::ArrowLeft, NamedKey::Escape, NamedKey::Enter, NamedKey::Space] {
                let press = Press {
                    place: PhysicalKey::Code(KeyCode::Enter),
                    typed: &WinitKey::Named(named),
                    modifiers: held,
                };
                assert_eq!(key_of(press, Script::Latin), None, "{held:?} {named:?}");
            }
            assert_eq!(key(KeyCode::Numpad1, "1", held), None);
        }
        assert_eq!(key(KeyCode::Slash, "/", ModifiersState::CONTROL), None);
        assert_eq!(key(KeyCode::Slash, "/", logo), None);
        assert!(cfg!(target_os = "macos") || key(KeyCode::Period, ".", alt).is_none());
    }

    #[test]
    fn a_held_key_repeats_what_moves() {
        let mut keyboard = Keyboard::default();
        for repeats in [true, false] {
            assert!(keyboard.counts(false));
            keyboard.did(repeats);
            assert_eq!(keyboard.counts(true), repeats);
        }
    }
}
