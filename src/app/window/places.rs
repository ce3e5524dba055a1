//! A US keyboard: what lies where.

use winit::keyboard::{KeyCode, PhysicalKey};

/// Keys with what they type, and what with shift.
const PLACES: [(KeyCode, char, char); 47] = [
    (KeyCode::Backquote, '`', '~'),
    (KeyCode::Digit1, '1', '!'),
    (KeyCode::Digit2, '2', '@'),
    (KeyCode::Digit3, '3', '#'),
    (KeyCode::Digit4, '4', '$'),
    (KeyCode::Digit5, '5', '%'),
    (KeyCode::Digit6, '6', '^'),
    (KeyCode::Digit7, '7', '&'),
    (KeyCode::Digit8, '8', '*'),
    (KeyCode::Digit9, '9', '('),
    (KeyCode::Digit0, '0', ')'),
    (KeyCode::Minus, '-', '_'),
    (KeyCode::Equal, '=', '+'),
    (KeyCode::KeyQ, 'q', 'Q'),
    (KeyCode::KeyW, 'w', 'W'),
    (KeyCode::KeyE, 'e', 'E'),
    (KeyCode::KeyR, 'r', 'R'),
    (KeyCode::KeyT, 't', 'T'),
    (KeyCode::KeyY, 'y', 'Y'),
    (KeyCode::KeyU, 'u', 'U'),
    (KeyCode::KeyI, 'i', 'I'),
    (KeyCode::KeyO, 'o', 'O'),
    (KeyCode::KeyP, 'p', 'P'),
    (KeyCode::BracketLeft, '[', '{'),
    (KeyCode::BracketRight, ']', '}'),
    (KeyCode::Backslash, '\\', '|'),
    (KeyCode::KeyA, 'a', 'A'),
    (KeyCode::KeyS, 's', 'S'),
    (KeyCode::KeyD, 'd', 'D'),
    (KeyCode::KeyF, 'f', 'F'),
    (KeyCode::KeyG, 'g', 'G'),
    (KeyCode::KeyH, 'h', 'H'),
    (KeyCode::KeyJ, 'j', 'J'),
    (KeyCode::KeyK, 'k', 'K'),
    (KeyCode::KeyL, 'l', 'L'),
    (KeyCode::Semicolon, ';', ':'),
    (KeyCode::Quote, '\'', '"'),
    (KeyCode::KeyZ, 'z', 'Z'),
    (KeyCode::KeyX, 'x', 'X'),
    (KeyCode::KeyC, 'c', 'C'),
    (KeyCode::KeyV, 'v', 'V'),
    (KeyCode::KeyB, 'b', 'B'),
    (KeyCode::KeyN, 'n', 'N'),
    (KeyCode::KeyM, 'm', 'M'),
    (KeyCode::Comma, ',', '<'),
    (KeyCode::Period, '.', '>'),
    (KeyCode::Slash, '/', '?'),
];

/// What a key types on a US keyboard; `None` for keys that it does not have, or has beside its main part.
pub(super) fn on_us_layout(place: PhysicalKey, shift: bool) -> Option<char> {
    let PhysicalKey::Code(code) = place else { return None };
    let (_, plain, shifted) = PLACES.iter().find(|(known, ..)| *known == code)?;
    Some(if shift { *shifted } else { *plain })
}
