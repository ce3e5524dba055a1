//! Occlusion over the picture: how far a class's score falls where each place is covered. Zeiler and Fergus, "Visualizing and
//! Understanding Convolutional Networks", 2014 (arXiv:1311.2901), section 4.2.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::legend::{Line, Strip};
use super::look::Look;
use super::origin::{Origin, Usual, only};
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses};
use crate::gpu::{Cover as Opacity, FeatureMapBuffer, GpuContext, StatisticsBuffer};
use crate::inspect::{ChannelStatistics, Cover, Fill};
use crate::model::{LayerIndex, Shape};
use crate::session::{Occluded, Occlusion};
use crate::view::{ColorRange, Colormap, Normalize, Scale, number};

/// In keys, options and JSON.
pub const NAME: LensName = "occlusion";

const ABOUT: About = About {
    name: NAME,
    keys: &[],
    help: "how far the top class falls where each place of a still picture is covered",
    flag: Some(Flag {
        long: "occlusion",
        takes: Takes::One("FILL"),
        help: "Cover a square of the picture at 20 × 20 places, with grey, mean (the picture's mean colour) or blur (the picture, \
               blurred), and lay over it how far what --from names (default: the top class) falls",
    }),
    more: &[
        More { name: "grey", keys: &[], help: "occlusion by a grey square" },
        More { name: "mean", keys: &[], help: "occlusion by a square of the picture's mean colour" },
        More { name: "blur", keys: &[], help: "occlusion by a square of the picture, blurred" },
    ],
};

/// Places in a row and in a column.
const PLACES: usize = 20;

/// The lens.
pub struct OcclusionLens;

/// What is asked of the session.
fn asked(look: &Look<'_>) -> Result<(Origin, Occlusion), String> {
    let origin = Origin::of(look, Usual::Class)?;
    let [unit] = origin.units[..] else {
        return Err("occlusion follows one unit, not a sum of several".into());
    };
    let (size, fill) = (Cover::usual_size(look.graph.input_shape()), look.lenses.occlusion);
    Ok((origin, Occlusion { unit, size, places: PLACES, fill }))
}

fn found<'a>(look: &Look<'a>, asked: &Occlusion) -> Option<&'a Occluded> {
    let shown = look.shown?;
    shown.occluded.as_ref().filter(|_| shown.request.occlusion.as_ref() == Some(asked))
}

impl OverlayLens for OcclusionLens {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let Ok((_, occlusion)) = asked(look) else { return Needs::default() };
        Needs { predictions: true, occlusion: Some(occlusion), ..Needs::default() }
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        asked(look).err()
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work::default())
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        lenses.occlusion = command.parse().unwrap_or(lenses.occlusion);
        lenses.over = Some(NAME);
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        for value in values {
            choices.lenses.occlusion =
                value.parse::<Fill>().map_err(|error| format!("--occlusion: {error}"))?;
        }
        choices.lenses.over = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        format!("--occlusion {}", look.lenses.occlusion.name())
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let mut more = Map::new();
        more.insert("fill".into(), look.lenses.occlusion.name().into());
        let Ok((origin, occlusion)) = asked(look) else { return more };
        more.insert("from".into(), origin.record(look));
        more.insert("size".into(), occlusion.size.into());
        if let Some(found) = found(look, &occlusion) {
            more.insert("value".into(), found.usual.into());
            more.insert("places".into(), found.grid.to_vec().into());
            more.insert("done".into(), found.done.into());
            more.insert("falls".into(), found.falls.to_vec().into());
        }
        more
    }
}

#[derive(Default)]
struct Work {
    /// The map that was uploaded, and how it is drawn.
    shown: Option<(Arc<[f32]>, Over)>,
}

/// The largest fall or rise.
fn largest(map: &[f32]) -> f32 {
    map.iter().filter(|value| value.is_finite()).fold(0.0, |most, value| most.max(value.abs()))
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (_, occlusion) = asked(look).ok()?;
        let found = found(look, &occlusion)?;
        let is_known = self.shown.as_ref().is_some_and(|(map, _)| Arc::ptr_eq(map, &found.map));
        if !is_known {
            let input = look.graph.input_shape();
            let shape = Shape { channels: 1, ..input };
            let map = FeatureMapBuffer::upload(gpu, &found.map, shape);
            let most = largest(&found.map);
            let entry = ChannelStatistics { min: -most, max: most, finite: 1.0, ..Default::default() };
            let statistics = StatisticsBuffer::upload(gpu, &[entry, entry]);
            let scale = Scale { normalize: Normalize::Symmetric, gamma: 1.0, boost: 0.0 };
            let numbers = Some(("occlusion".to_string(), map.clone()));
            let over = Over {
                colormap: Some(Colormap::Diverging),
                cover: Opacity::Strong,
                numbers,
                ..Over::even(map, statistics, None, scale)
            };
            self.shown = Some((found.map.clone(), over));
        }
        self.shown.as_ref().map(|(_, over)| over.clone())
    }

    fn legend(&mut self, _gpu: &GpuContext, look: &Look<'_>, _wait: bool) -> Vec<Line> {
        let (origin, occlusion) = match asked(look) {
            Ok(asked) => asked,
            Err(reason) => return only(format!("No occlusion: {reason}."), "occlusion"),
        };
        let says = format!(
            "A square of {} pixels, {}, covers each place in turn: red where the class rests on what was covered, blue where that \
             spoke against it, clear where it made no difference.",
            occlusion.size,
            occlusion.fill.in_words()
        );
        let Some(found) = found(look, &occlusion) else {
            let text = match look.is_still {
                true => format!("Occlusion of {} is being computed.", origin.titled(look)),
                false => {
                    let freeze = look.key(Action::ToggleFrozen);
                    let runs = PLACES * PLACES;
                    format!(
                        "Occlusion of {} takes {runs} runs over one frame: freeze it with {freeze}.",
                        origin.titled(look)
                    )
                }
            };
            return vec![Line::Main(text, "occlusion"), Line::quiet(says)];
        };
        let total = found.grid[0] * found.grid[1];
        let mut title = format!("Occlusion of {}.", origin.with_value(look, found.usual));
        if found.done < total {
            title += &format!(" {} of {total} places; between them the nearest one.", found.done);
        }
        let most = largest(&found.map);
        let range = ColorRange::plain((-most, most), Colormap::Diverging);
        let ends = format!("from {} (it rises) to {} (it falls)", number(-most), number(most));
        vec![
            Line::Main(title, "occlusion"),
            Line::Strip(Strip::new(&range, Colormap::Diverging, [false, false])),
            Line::quiet(ends),
            Line::quiet(says),
        ]
    }
}
