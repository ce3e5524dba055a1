//! Colours and type sizes of what stands around the tiles: a dark and a light set.

use egui::{Color32, Stroke, Ui};

/// The ground that the panels are drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Theme {
    /// Light words on a dark ground: feature maps stand out.
    #[default]
    Dark,
    /// Dark words on a light ground: for a bright room and a projector.
    Light,
}

impl Theme {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }

    /// Its colours.
    pub fn palette(self) -> &'static Palette {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
        }
    }

    /// Has the panels drawn in it from the next layout on.
    pub fn apply(self, ctx: &egui::Context) {
        ctx.set_theme(match self {
            Self::Dark => egui::Theme::Dark,
            Self::Light => egui::Theme::Light,
        });
    }
}

/// The colours of a theme. Words have a contrast of 4.5 or more on `background`, `field` and `notice`.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Behind everything.
    pub background: Color32,
    /// Behind curves, bars and windows.
    pub field: Color32,
    /// Behind messages.
    pub notice: Color32,
    /// Words.
    pub text: Color32,
    /// Words that explain.
    pub quiet: Color32,
    /// What is chosen, and what should be seen first.
    pub accent: Color32,
    /// Edges and zero lines.
    pub line: Color32,
    /// Curves and histograms.
    pub curve: Color32,
    /// Bars behind words.
    pub bar: Color32,
}

/// Also for what lies on pictures and tiles, which has a dark ground of its own in either theme.
pub const DARK: Palette = Palette {
    background: Color32::from_rgb(0x15, 0x17, 0x1b),
    field: Color32::from_rgb(0x1e, 0x21, 0x27),
    notice: Color32::from_rgb(0x30, 0x26, 0x12),
    text: Color32::from_rgb(0xe4, 0xe7, 0xeb),
    quiet: Color32::from_rgb(0x9a, 0xa3, 0xad),
    accent: Color32::from_rgb(0xff, 0xb4, 0x54),
    line: Color32::from_rgb(0x2c, 0x31, 0x38),
    curve: Color32::from_rgb(0x6c, 0xc4, 0xb8),
    bar: Color32::from_rgb(0x2f, 0x5d, 0x62),
};

const LIGHT: Palette = Palette {
    background: Color32::from_rgb(0xf5, 0xf6, 0xf8),
    field: Color32::from_rgb(0xe6, 0xe9, 0xed),
    notice: Color32::from_rgb(0xff, 0xf0, 0xd2),
    text: Color32::from_rgb(0x1b, 0x1f, 0x24),
    quiet: Color32::from_rgb(0x52, 0x5b, 0x65),
    accent: Color32::from_rgb(0x8f, 0x4d, 0x00),
    line: Color32::from_rgb(0xbd, 0xc4, 0xcc),
    curve: Color32::from_rgb(0x1b, 0x75, 0x6b),
    bar: Color32::from_rgb(0xa4, 0xd4, 0xcd),
};

/// The colours that `ui` is drawn in.
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Sets type sizes and colours of both themes, once.
pub fn set_style(ctx: &egui::Context) {
    for (theme, palette) in [(egui::Theme::Dark, &DARK), (egui::Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals.override_text_color = Some(palette.text);
            style.visuals.panel_fill = Color32::TRANSPARENT;
            style.visuals.window_fill = palette.field;
            style.visuals.window_stroke = Stroke::new(1.0, palette.line);
            style.visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.line);
            for font in style.text_styles.values_mut() {
                font.size = font.size.max(13.5);
            }
            style.interaction.selectable_labels = false;
            style.animation_time = 0.0;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(color: Color32) -> f32 {
        let [r, g, b] = [color.r(), color.g(), color.b()].map(|level| {
            let level = f32::from(level) / 255.0;
            if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn words_can_be_read_on_every_ground_of_both_themes() {
        for palette in [&DARK, &LIGHT] {
            let grounds = [palette.background, palette.field, palette.notice];
            for (ground, words) in grounds
                .into_iter()
                .flat_map(|ground| [palette.text, palette.quiet, palette.accent].map(|words| (ground, words)))
            {
                let (a, b) = (luminance(ground), luminance(words));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{words:?} on {ground:?}: {contrast:.2}");
            }
            // A chosen button has the background's colour on the accent; bars lie under words.
            let contrast = (luminance(palette.bar) - luminance(palette.text)).abs();
            assert!(contrast > 0.3, "{contrast}");
        }
    }
}
