//! Grad-CAM and its kin over the picture: at any layer, one map of where a class, or another unit, comes from. Approximate; where a
//! class activation map is exact, that is the better one.

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::class_activation;
use super::legend::{Line, Strip};
use super::look::Look;
use super::origin::{Found, Origin, Usual, nothing_in_words, only};
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses};
use crate::gpu::{Cover, GpuContext, MapStatistics};
use crate::inspect::explained;
use crate::model::{CamMethod, Form, LayerIndex, Rule, Unit};
use crate::session::Activations;

/// In keys, options and JSON.
pub const NAME: LensName = "grad-cam";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift a"],
    help: "Grad-CAM: where the top class comes from, as the shown layer has it",
    flag: Some(Flag {
        long: "grad-cam",
        takes: Takes::One("METHOD"),
        help: "Lay the map of where what --from names (default: the top class) comes from at the layer over the picture: by \
               gradcam, gradcam++ or layercam",
    }),
    more: &[
        More { name: "plain", keys: &[], help: "Grad-CAM over the picture" },
        More { name: "plus-plus", keys: &[], help: "Grad-CAM++ over the picture" },
        More { name: "layercam", keys: &[], help: "LayerCAM over the picture" },
    ],
};

/// The lens.
pub struct GradCam;

fn origin(look: &Look<'_>) -> Result<Origin, String> {
    Origin::of(look, Usual::Class)?.behind(look, look.layer)
}

fn found<'a>(look: &Look<'_>, origin: &Origin, shown: &'a Activations) -> Option<Found<'a>> {
    origin.found(shown, Rule::Gradient, (look.layer, Form::Cam(look.lenses.tracing.cam)))
}

impl OverlayLens for GradCam {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let wanted = vec![(look.layer, Form::Cam(look.lenses.tracing.cam))];
        origin(look).map(|origin| origin.needs(Rule::Gradient, wanted)).unwrap_or_default()
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        origin(look).err()
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work { statistics: MapStatistics::new(gpu), shown: None })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        lenses.tracing.cam = match command {
            "plain" => CamMethod::GradCam,
            "plus-plus" => CamMethod::GradCamPlusPlus,
            "layercam" => CamMethod::LayerCam,
            _ => lenses.tracing.cam,
        };
        lenses.over = Some(NAME);
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        for value in values {
            let method = value.parse::<CamMethod>();
            choices.lenses.tracing.cam = method.map_err(|error| format!("--grad-cam: {error}"))?;
        }
        choices.lenses.over = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        format!("--grad-cam {}", look.lenses.tracing.cam)
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let mut more = Map::new();
        more.insert("method".into(), look.lenses.tracing.cam.name().into());
        let Ok(origin) = origin(look) else { return more };
        more.insert("from".into(), origin.record(look));
        if let Some(found) = look.shown.and_then(|shown| found(look, &origin, shown)) {
            more.insert("value".into(), found.value.into());
        }
        more
    }
}

/// Results, layer, units, method, and whether percentiles were wanted.
type Key = (u64, LayerIndex, Vec<Unit>, CamMethod, bool);

struct Work {
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, origin) = (look.shown?, origin(look).ok()?);
        let map = &found(look, &origin, shown)?.tap.map;
        let (scale, cam) = (look.colors.scale_of_one(), look.lenses.tracing.cam);
        let by_percentile = scale.normalize.is_percentile();
        let key = (shown.sequence, look.layer, origin.units, cam, by_percentile);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let (statistics, ranges) = self.statistics.run(gpu, map, by_percentile);
            let numbers = Some((format!("{cam} of {}", look.node().name), map.clone()));
            let over = Over { numbers, ..Over::even(map.clone(), statistics, ranges, scale) };
            self.shown = Some((key, over));
        }
        let (_, over) = self.shown.as_ref()?;
        Some(Over { scale, cover: Cover::Even, ..over.clone() })
    }

    fn legend(&mut self, _gpu: &GpuContext, look: &Look<'_>, _wait: bool) -> Vec<Line> {
        let (key, cam) = (look.key(Action::Over(NAME)), look.lenses.tracing.cam);
        let origin = match origin(look) {
            Ok(origin) => origin,
            Err(reason) => return only(format!("No {} ({key}): {reason}.", cam.title()), "Grad-CAM"),
        };
        let name = &look.node().name;
        let Some(found) = look.shown.and_then(|shown| found(look, &origin, shown)) else {
            let title = format!("{} of {} at {name} ({key})", cam.title(), origin.titled(look));
            return only(format!("{title} is being computed."), "Grad-CAM");
        };
        let text = format!("{} of {}, at {name} ({key}).", cam.title(), origin.with_value(look, found.value));
        let mut lines = vec![Line::Main(text, "Grad-CAM")];
        let ends = found.tap.channel_statistics.first().map(|map| map.ends()).unwrap_or_default();
        if nothing_in_words(found).is_some() {
            lines.push(Line::Main(
                format!("Nothing in {name} speaks for it: the map is zero everywhere."),
                "",
            ));
        } else {
            let (scale, colormap) = (look.colors.scale_of_one(), look.colors.colormap());
            let range = scale.range(ends, ends, colormap);
            let strip = Strip::new(&range, colormap, [false; 2]);
            let [low, high] = strip.ends();
            let ends = match scale.normalize.is_percentile() {
                true => "from the value that 1 % lie below to the one that 1 % lie above".to_string(),
                false => format!("from {low} to {high}"),
            };
            lines.push(Line::Bar(strip.table));
            lines.push(Line::quiet(format!("{ends} {}", look.opacity_keys())));
        }
        lines.push(Line::quiet(cam.sentence()));
        let exact = look.key(Action::Over(class_activation::NAME));
        let is_exact = explained(look.graph).is_ok() && !look.lenses.tracing.is_held();
        let exact =
            if is_exact { format!("{exact} shows the exact map of the last block, ") } else { String::new() };
        lines.push(Line::quiet(format!("{exact}{}.", Origin::keys_in_words(look))));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_command() {
        let mut lenses = Lenses::default();
        let chosen = ABOUT.more.iter().map(|more| {
            GradCam.act(more.name, &mut lenses, 0);
            lenses.tracing.cam
        });
        assert_eq!(chosen.collect::<Vec<_>>(), CamMethod::ALL);
        assert_eq!(lenses.over, Some(NAME));
    }
}
