//! What winit does not ask an X server for: which letters the layout in force has, and how much of the screen windows may
//! take.

use winit::event_loop::ActiveEventLoop;
use winit::platform::x11::ActiveEventLoopExtX11;
use x11rb::connection::Connection;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

use super::keyboard::{Script, is_latin};

/// The keys from q to m: key codes that X servers on Linux and BSD have in common.
const LETTERS: [std::ops::RangeInclusive<u8>; 3] = [24..=33, 38..=46, 52..=58];

/// More than half of the 26.
const MOST: usize = 14;

/// A connection of our own.
#[derive(Debug)]
pub(super) struct Display {
    connection: RustConnection,
    root: Window,
}

impl Display {
    /// `None` where windows are not an X server's.
    pub fn of(event_loop: &ActiveEventLoop) -> Option<Self> {
        if !event_loop.is_x11() {
            return None;
        }
        let (connection, screen) = x11rb::connect(None).ok()?;
        let root = connection.setup().roots.get(screen)?.root;
        connection.xkb_use_extension(1, 0).ok()?.reply().ok()?;
        Some(Self { connection, root })
    }

    /// The letters of the layout that is in force; `None` where that cannot be told.
    pub fn script(&self) -> Option<Script> {
        let (first, last) = (*LETTERS[0].start(), *LETTERS[2].end());
        let device = xkb::ID::USE_CORE_KBD.into();
        let (syms, none) = (xkb::MapPart::KEY_SYMS, xkb::MapPart::default());
        let state = self.connection.xkb_get_state(device).ok()?;
        let map = self.connection.xkb_get_map(
            device,
            none,
            syms,
            0,
            0,
            first,
            last - first + 1,
            0,
            0,
            0,
            0,
            xkb::VMod::default(),
            0,
            0,
            0,
            0,
            0,
            0,
        );
        let group = usize::from(u8::from(state.reply().ok()?.group));
        let keys = map.ok()?.reply().ok()?.map.syms_rtrn?;
        let letters = LETTERS.into_iter().flatten().filter_map(|code| {
            let key = keys.get(usize::from(code - first))?;
            let groups = usize::from(key.group_info & 0xf).max(1);
            let symbol = *key.syms.get(group % groups * usize::from(key.width))?;
            letter_of(symbol)
        });
        let letters: Vec<Script> = letters.collect();
        let of = |script| letters.iter().filter(|letter| **letter == script).count();
        match (of(Script::Latin) >= MOST, of(Script::Other) >= MOST) {
            (true, _) => Some(Script::Latin),
            (_, true) => Some(Script::Other),
            _ => None,
        }
    }

    /// Width and height, in pixels, that panels leave on all screens together.
    pub fn work_area(&self) -> Option<[u32; 2]> {
        let name = self.connection.intern_atom(true, b"_NET_WORKAREA").ok()?.reply().ok()?.atom;
        let area = self
            .connection
            .get_property(false, self.root, name, AtomEnum::CARDINAL, 0, 4)
            .ok()?
            .reply()
            .ok()?;
        let numbers: Vec<u32> = area.value32()?.collect();
        numbers.get(2..4).map(|size| [size[0], size[1]]).filter(|size| !size.contains(&0))
    }
}

/// Of which script the letter of a key symbol is.
fn letter_of(symbol: u32) -> Option<Script> {
    match symbol {
        0x41..=0x5a | 0x61..=0x7a => Some(Script::Latin),
        // Kana, Arabic, Cyrillic, Greek; Hebrew, Thai, Hangul.
        0x4a1..=0x7ff | 0xce0..=0xeff => Some(Script::Other),
        0x0100_0000..=0x0110_ffff => char::from_u32(symbol - 0x0100_0000)
            .map(|c| if is_latin(c) { Script::Latin } else { Script::Other }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_symbols_have_a_script() {
        // q, é, Cyrillic_shorti, Greek_alpha, hebrew_qoph, Thai_maimuan, Georgian qani and Armenian ayb (by code point), slash.
        let symbols = [0x71, 0xe9, 0x6ca, 0x7e1, 0xcf7, 0xde4, 0x0100_10e5, 0x0100_0561, 0x2f];
        let other = Some(Script::Other);
        let scripts = [Some(Script::Latin), None, other, other, other, other, other, other, None];
        assert_eq!(symbols.map(letter_of), scripts);
    }
}
