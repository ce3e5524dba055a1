//! The gradients of the shown layer's channels in the tiles: how the origin would change with each value of the layer.

use serde_json::{Map, Value};

use super::about::{About, Flag, Needs, Takes};
use super::layer_colors::{LayerColors, ranges_of};
use super::legend::{Line, Strip};
use super::look::Look;
use super::maps::{Ranges, subject};
use super::origin::{Found, Origin, Usual, nothing_in_words};
use super::saliency;
use super::tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::gpu::GpuContext;
use crate::model::Method;
use crate::session::Activations;
use crate::view::number;

/// In keys, options and JSON.
pub const NAME: LensName = "gradients";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift m"],
    help: "gradients of the layer's channels, or its maps",
    flag: Some(Flag {
        long: "gradients",
        takes: Takes::Nothing,
        help: "Show the gradients of the layer's channels in place of its maps: of what --from names (default: the top \
               class)",
    }),
    more: &[],
};

/// The lens.
pub struct Gradients;

fn origin(look: &Look<'_>) -> Result<Origin, String> {
    Origin::of(look, Usual::Class)?.behind(look, look.layer)
}

/// The rule in force; where that averages over versions of the picture, the gradient itself.
fn method(look: &Look<'_>) -> Method {
    Some(look.lenses.tracing.method).filter(|method| method.passes() == 1).unwrap_or_default()
}

fn found<'a>(look: &Look<'_>, origin: &Origin, shown: &'a Activations) -> Option<Found<'a>> {
    let method = method(look);
    origin.found(shown, method.rule(), (look.layer, method.form()))
}

/// White is zero, whatever colours maps have.
fn colors(look: &Look<'_>, found: Found<'_>) -> Option<LayerColors> {
    let versions = std::iter::once((ranges_of(found.tap), true));
    LayerColors::of_versions(look.colors, look.shape(), &[], versions).pop()
}

impl TilesLens for Gradients {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let method = method(look);
        let wanted = vec![(look.layer, method.form())];
        origin(look).map(|origin| origin.needs(method.rule(), wanted)).unwrap_or_default()
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        let back = look.key(Action::Tiles(NAME));
        let origin =
            origin(look).map_err(|reason| format!("No gradients: {reason}. {back} shows the maps."))?;
        let keys = Origin::keys_in_words(look);
        let title =
            format!("{} of {} · {keys}, {back} shows the maps", method(look).title(), origin.titled(look));
        Ok(Subject { titles: vec![title], ..subject(look, &[]) })
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        origin(look).err()
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work::default())
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        let Ok(origin) = origin(look) else { return vec![] };
        let found = look.shown.and_then(|shown| found(look, &origin, shown));
        let (Some(found), Some(channel)) = (found, look.selected_channel()) else { return vec![] };
        let Some(colors) = colors(look, found) else { return vec![] };
        let method = method(look);
        let mut lines = vec![
            Line::Heading("What the colours mean".into(), "gradient"),
            Line::Main(format!("{} of {}", method.title(), origin.with_value(look, found.value)), "gradient"),
        ];
        if let Some(nothing) = nothing_in_words(found) {
            lines.push(Line::Main(format!("{nothing}."), ""));
            return lines;
        }
        let odd = colors.oddities();
        let range = colors.range(channel);
        lines.push(Line::Choices);
        lines.push(Line::Strip(Strip::new(&range, colors.colormap, [odd.below > 0, odd.above > 0])));
        let ends =
            if colors.has_one_range() { String::new() } else { format!(" · ends of channel {channel}") };
        let text = "red: more of this value raises it; blue: lowers it; white: neither";
        lines.push(Line::quiet(format!("{text} · {}{ends}", colors.scale.normalize.in_words())));
        lines.extend(odd.in_words(colors.colormap));
        let own = colors.statistics(channel);
        let [min, max] = [own.min, own.max].map(number);
        lines.push(Line::quiet(format!("channel {channel}: {min} to {max}")));
        // The lens over the picture says it too.
        if look.lenses.over != Some(saliency::NAME) {
            lines.push(Line::quiet(method.sentence()));
        } else if look.lenses.tracing.method != method {
            lines.push(Line::quiet(
                "The rule over the picture averages over pictures; this is the plain gradient.",
            ));
        }
        lines
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let mut more = Map::new();
        more.insert("rule".into(), method(look).name().into());
        let Ok(origin) = origin(look) else { return more };
        more.insert("from".into(), origin.record(look));
        if let Some(found) = look.shown.and_then(|shown| found(look, &origin, shown)) {
            more.insert("value".into(), found.value.into());
        }
        more
    }
}

#[derive(Default)]
struct Work(Ranges);

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let Ok(origin) = origin(look) else { return vec![] };
        let Some(found) = look.shown.and_then(|shown| found(look, &origin, shown)) else { return vec![] };
        let Some(colors) = colors(look, found) else { return vec![] };
        let pixels = Pixels::Values {
            map: found.tap.map.clone(),
            statistics: found.tap.statistics.clone(),
            ranges: self.0.place(gpu, 0, colors.other_ranges()),
            scale: colors.scale,
            colormap: colors.colormap,
            smooth: look.colors.smooth,
        };
        let name = format!("{} at {}", method(look), look.node().name);
        vec![TileSet { name, pixels, order: look.channels(), numbers: None }]
    }
}
