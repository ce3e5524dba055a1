//! The typeface of figures and how wide words are in it: the interface's Ubuntu Light, with Hack for signs it lacks.
//!
//! Loaded once a process; any thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use resvg::usvg::{Options, Tree, fontdb};

/// Attributes of an `<svg>` for all text in it. Viewers without the typeface take their own; `textLength` keeps it in
/// its place.
pub(super) const FONT_ATTRIBUTES: &str =
    r#"font-family="'Ubuntu Light', Ubuntu, sans-serif" font-weight="300" xml:space="preserve""#;

/// Size in pixels at which widths are measured; they are proportional to the size.
const MEASURED_SIZE: f32 = 100.0;

/// Measured widths a thread keeps, so that the same words are not laid out again.
const MAX_REMEMBERED: usize = 8192;

/// What usvg needs to lay out text.
pub(super) fn options() -> &'static Options<'static> {
    static OPTIONS: OnceLock<Options<'static>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        for bytes in [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR] {
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
        }
        let family =
            fonts.faces().next().and_then(|face| face.families.first()).map(|family| family.0.clone());
        if let Some(family) = family {
            fonts.set_sans_serif_family(family.clone());
            // usvg falls back to serif where a family is not found.
            fonts.set_serif_family(family);
        }
        Options { fontdb: Arc::new(fonts), ..Options::default() }
    })
}

/// Text as XML: marked characters escaped, those that XML forbids replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Width in pixels of one line of text at a size in pixels, with kerning. Blanks alone, and signs that no typeface
/// here has, may count nothing.
pub fn text_width(text: &str, size: f32) -> f32 {
    thread_local! {
        static WIDTHS: RefCell<HashMap<String, f32>> = RefCell::default();
    }
    let width = WIDTHS.with_borrow_mut(|widths| {
        if let Some(width) = widths.get(text) {
            return *width;
        }
        let width = measure(text);
        if widths.len() >= MAX_REMEMBERED {
            widths.clear();
        }
        widths.insert(text.to_owned(), width);
        width
    });
    width * size / MEASURED_SIZE
}

/// Width at [`MEASURED_SIZE`].
fn measure(text: &str) -> f32 {
    let mut svg = String::with_capacity(text.len() + 256);
    // Writing into a string cannot fail.
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" {FONT_ATTRIBUTES}><text font-size="{MEASURED_SIZE}">{}</text></svg>"#,
        escape(text)
    );
    match Tree::from_str(&svg, options()) {
        Ok(tree) => tree.root().children().iter().map(|node| node.bounding_box().width()).fold(0.0, f32::max),
        Err(_) => 0.0,
    }
}

/// The text, or as much of its start as fits with `…` behind it. Empty where not even `…` fits.
pub fn fit_text(text: &str, size: f32, width: f32) -> String {
    // No visible letter is narrower than a tenth of the size: what is longer than this need not be measured.
    let most = (width.max(0.0) / size.max(1.0) * 10.0) as usize + 16;
    let cut = text.char_indices().nth(most).map(|(byte, _)| byte);
    if cut.is_none() && text_width(text, size) <= width {
        return text.to_owned();
    }
    let ends: Vec<usize> = text[..cut.unwrap_or(text.len())].char_indices().map(|(byte, _)| byte).collect();
    let shortened = |end: usize| format!("{}…", text[..end].trim_end());
    let fitting = ends.partition_point(|&end| text_width(&shortened(end), size) <= width);
    match fitting {
        0 => String::new(),
        _ => shortened(ends[fitting - 1]),
    }
}

/// Breaks text into at most `lines` lines of at most `width` pixels, behind blanks, `_`, `/` and `,`. The second
/// value is true where every letter found its place; otherwise lines end in `…`.
pub fn wrap_text(text: &str, size: f32, width: f32, lines: usize) -> (Vec<String>, bool) {
    let mut wrapped: Vec<String> = Vec::new();
    let mut whole = true;
    let mut rest = text.trim();
    while !rest.is_empty() && wrapped.len() < lines {
        let mut end = 0;
        if text_width(rest, size) <= width {
            end = rest.len();
        } else if wrapped.len() + 1 < lines {
            for (byte, sign) in rest.char_indices().filter(|(_, sign)| " _/,".contains(*sign)) {
                let next = byte + sign.len_utf8();
                if text_width(rest[..next].trim_end(), size) > width {
                    break;
                }
                end = next;
            }
        }
        if end > 0 {
            wrapped.push(rest[..end].trim_end().to_owned());
            rest = rest[end..].trim_start();
            continue;
        }
        whole = false;
        // One word is too long for a line, or this is the last line.
        let word = match wrapped.len() + 1 < lines {
            true => rest.find([' ', '_', '/', ',']).map_or(rest.len(), |byte| byte + 1),
            false => rest.len(),
        };
        wrapped.push(fit_text(&rest[..word], size, width));
        rest = rest[word..].trim_start();
    }
    (wrapped, whole && rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_and_size() {
        let width = text_width("conv2d_12", 14.0);
        assert!((50.0..80.0).contains(&width), "{width}");
        assert!((text_width("conv2d_12", 28.0) - 2.0 * width).abs() < 1e-3);
        assert!(text_width("conv2d_123", 14.0) > width);
        assert_eq!(text_width("", 14.0), 0.0);
        // Digits are as wide as each other, so columns of numbers stand still.
        assert_eq!(text_width("111", 14.0), text_width("888", 14.0));
    }

    #[test]
    fn signs_that_the_typeface_lacks_break_nothing() {
        for text in
            ["日本語", "😀", "مرحبا", "\u{0}\u{1b}[31m", "a\u{301}\u{301}", "\u{fffe}", "← → ∞ √ …", "<&>\"'"]
        {
            let width = text_width(text, 20.0);
            assert!(width.is_finite() && width >= 0.0, "{text:?} {width}");
            assert!(text_width(&fit_text(text, 20.0, 30.0), 20.0) <= 30.0, "{text:?}");
        }
    }

    #[test]
    fn text_is_cut_where_it_is_too_long() {
        let whole = "batch_normalization_12";
        assert_eq!(fit_text(whole, 13.0, 1000.0), whole);
        let cut = fit_text(whole, 13.0, 80.0);
        assert!(cut.ends_with('…') && cut.len() > 8 && whole.starts_with(cut.trim_end_matches('…')), "{cut}");
        assert!(text_width(&cut, 13.0) <= 80.0);
        let one_more = format!("{}…", &whole[..cut.chars().count()]);
        assert!(text_width(&one_more, 13.0) > 80.0, "one letter more would have fitted into {cut}");
        assert_eq!(fit_text(whole, 13.0, 3.0), "");
        assert!(fit_text(&"é ".repeat(100_000), 13.0, 200.0).chars().count() < 60);
    }

    #[test]
    fn lines_break_behind_underscores() {
        let (lines, whole) = wrap_text("batch_normalization_12", 13.0, 110.0, 2);
        assert!(whole);
        assert_eq!(lines, ["batch_", "normalization_12"]);
        let (lines, whole) = wrap_text("batch_normalization_12", 13.0, 60.0, 3);
        assert!(!whole && lines.iter().all(|line| text_width(line, 13.0) <= 60.0), "{lines:?}");
        assert_eq!(wrap_text("  ", 13.0, 60.0, 3), (vec![], true));
        let (lines, whole) = wrap_text("one two three four", 13.0, 60.0, 1);
        assert!(!whole && lines.len() == 1 && lines[0].ends_with('…'));
    }
}
