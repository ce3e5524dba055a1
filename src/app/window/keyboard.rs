//! What winit says of a key press, as a key of the table.

use winit::event::KeyEvent;
use winit::keyboard::{Key as WinitKey, KeyCode, ModifiersState, NamedKey, PhysicalKey};

use crate::app::keys::{Direction, Key};

/// The key that was pressed: by what it types, or, on a layout without Latin letters, by where it lies. Caps Lock and Num
/// Lock change nothing; a letter with alt or super is none of ours.
pub(super) fn key_of(event: &KeyEvent, modifiers: ModifiersState) -> Option<Key> {
    if let PhysicalKey::Code(code) = event.physical_key
        && let Some(digit) = keypad_digit(code)
    {
        return Some(Key::Char(digit));
    }
    let shift = modifiers.shift_key();
    let arrow = |direction| if shift { Key::Shift(direction) } else { Key::Arrow(direction) };
    match &event.logical_key {
        WinitKey::Character(text) => character(text.chars().next()?, event.physical_key, modifiers),
        WinitKey::Named(named) => match named {
            NamedKey::ArrowLeft => Some(arrow(Direction::Left)),
            NamedKey::ArrowRight => Some(arrow(Direction::Right)),
            NamedKey::ArrowUp => Some(arrow(Direction::Up)),
            NamedKey::ArrowDown => Some(arrow(Direction::Down)),
            NamedKey::PageUp => Some(Key::PageUp),
            NamedKey::PageDown => Some(Key::PageDown),
            NamedKey::Escape => Some(Key::Escape),
            NamedKey::Enter => Some(Key::Enter),
            NamedKey::Backspace => Some(Key::Backspace),
            NamedKey::Space => Some(Key::Char(' ')),
            _ => None,
        },
        _ => None,
    }
}

fn character(typed: char, place: PhysicalKey, modifiers: ModifiersState) -> Option<Key> {
    let letter = match typed {
        c if c.is_ascii() => c,
        c if c.is_alphabetic() => physical(place)?,
        c => c,
    };
    let (ctrl, other) = (modifiers.control_key(), modifiers.alt_key() || modifiers.super_key());
    if !letter.is_alphabetic() {
        // Signs are typed with whatever modifiers a layout wants (AltGr is ctrl and alt on some systems).
        return (ctrl == other || modifiers.alt_key()).then_some(Key::Char(letter));
    }
    match (ctrl, other) {
        (false, false) if modifiers.shift_key() => Some(Key::Char(letter.to_ascii_uppercase())),
        (false, false) => Some(Key::Char(letter.to_ascii_lowercase())),
        (true, false) => Some(Key::Ctrl(letter.to_ascii_lowercase())),
        (_, true) => None,
    }
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

/// The letter of a key on a US layout.
fn physical(key: PhysicalKey) -> Option<char> {
    let PhysicalKey::Code(code) = key else { return None };
    Some(match code {
        KeyCode::KeyA => 'a',
        KeyCode::KeyB => 'b',
        KeyCode::KeyC => 'c',
        KeyCode::KeyD => 'd',
        KeyCode::KeyE => 'e',
        KeyCode::KeyF => 'f',
        KeyCode::KeyG => 'g',
        KeyCode::KeyH => 'h',
        KeyCode::KeyI => 'i',
        KeyCode::KeyJ => 'j',
        KeyCode::KeyK => 'k',
        KeyCode::KeyL => 'l',
        KeyCode::KeyM => 'm',
        KeyCode::KeyN => 'n',
        KeyCode::KeyO => 'o',
        KeyCode::KeyP => 'p',
        KeyCode::KeyQ => 'q',
        KeyCode::KeyS => 's',
        KeyCode::KeyT => 't',
        KeyCode::KeyU => 'u',
        KeyCode::KeyV => 'v',
        KeyCode::KeyW => 'w',
        KeyCode::KeyX => 'x',
        KeyCode::KeyY => 'y',
        KeyCode::KeyZ => 'z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PhysicalKey = PhysicalKey::Code(KeyCode::KeyA);

    #[test]
    fn locks_change_nothing_and_foreign_letters_lie_where_they_lie() {
        let none = ModifiersState::empty();
        // Caps Lock types an upper-case letter without shift, and a lower-case one with it.
        assert_eq!(character('A', A, none), Some(Key::Char('a')));
        assert_eq!(character('a', A, ModifiersState::SHIFT), Some(Key::Char('A')));
        assert_eq!(character('ф', A, none), Some(Key::Char('a')));
        assert_eq!(character('Ф', A, ModifiersState::SHIFT), Some(Key::Char('A')));
        assert_eq!(keypad_digit(KeyCode::Numpad7), Some('7'));
    }

    #[test]
    fn letters_with_other_modifiers_are_no_plain_letters() {
        assert_eq!(character('k', A, ModifiersState::CONTROL), Some(Key::Ctrl('k')));
        for held in [
            ModifiersState::ALT,
            ModifiersState::SUPER,
            ModifiersState::CONTROL | ModifiersState::ALT,
            ModifiersState::SHIFT | ModifiersState::SUPER,
        ] {
            assert_eq!(character('q', A, held), None, "{held:?}");
        }
        // A sign that a layout has behind AltGr, or with shift.
        let alt_gr = ModifiersState::CONTROL | ModifiersState::ALT;
        assert_eq!(character('[', A, alt_gr), Some(Key::Char('[')));
        assert_eq!(character('?', A, ModifiersState::SHIFT), Some(Key::Char('?')));
        assert_eq!(character('/', A, ModifiersState::CONTROL), None);
        assert_eq!(character('/', A, ModifiersState::SUPER), None);
    }
}
