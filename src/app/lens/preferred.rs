//! What the selected channel, or what is traced back, would like to see: a picture in place of the tiles, as it grows.

mod grower;

use std::sync::Arc;

use self::grower::{Grower, Grown, Wish};
use super::about::About;
use super::legend::Line;
use super::look::Look;
use super::origin::{Origin, Usual};
use super::tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::gpu::{FeatureMapBuffer, GpuContext};
use crate::model::Shape;
use crate::prefer::Settings;
use crate::record::PreferredRequest;
use crate::view::number;

/// In keys and JSON.
pub const NAME: LensName = "preferred";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift w"],
    help: "what the selected channel would like to see, as it grows; or the maps",
    // Off screen, `convscope prefer` does it.
    flag: None,
    more: &[],
};

/// The lens.
pub struct Preferred;

/// The picture that is asked for: that of the command without options.
fn request(look: &Look<'_>) -> Result<PreferredRequest, String> {
    let origin = Origin::of(look, Usual::Channel)?.in_this_frame(look);
    Ok(PreferredRequest { origin, settings: Settings::usual(look.graph.input_shape()) })
}

impl TilesLens for Preferred {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        let back = look.key(Action::Tiles(NAME));
        let request =
            request(look).map_err(|reason| format!("No picture: {reason}. {back} shows the maps."))?;
        let origin = request.origin.in_words(look.graph, look.labels);
        let [height, width] = request.settings.size;
        let title = format!("what {origin} would like to see, grown from noise · {back} shows the maps");
        Ok(Subject {
            size: [width, height],
            count: 1,
            is_selectable: false,
            titles: vec![title],
            rows: vec![],
        })
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        request(look).err()
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work { grower: Grower::start(), drawn: None, said: None, is_growing: false })
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        vec![
            Line::Heading("A picture that was grown".into(), ""),
            Line::quiet(format!(
                "No photograph: noise, changed step by step until this answers to it more than to photographs. There may be \
                 other things that it answers to. {}.",
                Origin::keys_in_words(look)
            )),
        ]
    }

    fn record(&self, look: &Look<'_>) -> serde_json::Map<String, serde_json::Value> {
        let mut more = serde_json::Map::new();
        if let Ok(request) = request(look) {
            let origin = serde_json::to_value(request.origin.info(look.graph, look.labels));
            more.insert("of".into(), origin.unwrap_or_default());
            more.insert("method".into(), request.settings.method.name().into());
            more.insert("seed".into(), request.settings.seed.into());
            more.insert("steps".into(), request.settings.steps.into());
        }
        more
    }
}

struct Work {
    grower: Grower,
    /// What was uploaded last.
    drawn: Option<(Arc<[u8]>, TileSet)>,
    said: Option<String>,
    /// What was given last is not the end.
    is_growing: bool,
}

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let (Ok(request), Some(model)) = (request(look), look.network) else { return vec![] };
        let settings = request.settings;
        let grown = self.grower.look(&Wish { model: model.clone(), request });
        self.said = Some(match &grown {
            None => "it is about to grow …".into(),
            Some(Err(reason)) => reason.clone(),
            Some(Ok(grown)) => in_words(grown, settings.steps),
        });
        self.is_growing = match &grown {
            None => true,
            Some(Ok(grown)) => !grown.is_whole,
            Some(Err(_)) => false,
        };
        let Some(Ok(grown)) = grown else { return vec![] };
        let is_known = self.drawn.as_ref().is_some_and(|(levels, _)| Arc::ptr_eq(levels, &grown.levels));
        if !is_known {
            self.drawn = Some((grown.levels.clone(), upload(gpu, &grown.levels, settings.size)));
        }
        self.drawn.iter().map(|(_, set)| set.clone()).collect()
    }

    fn said(&self) -> Option<String> {
        self.said.clone()
    }

    fn is_growing(&self) -> bool {
        self.is_growing && self.grower.is_watched()
    }
}

fn in_words(grown: &Grown, steps: usize) -> String {
    let value = number(grown.value);
    match grown.is_whole {
        true if grown.was_there => {
            format!("it has grown before ({} steps) · value in it: {value}", grown.done)
        }
        true => format!("grown in {} steps · value in it: {value}", grown.done),
        false => format!("step {} of {steps} · value in what the network last saw: {value}", grown.done),
    }
}

fn upload(gpu: &GpuContext, levels: &[u8], [height, width]: [usize; 2]) -> TileSet {
    let channel = |color: usize| levels.iter().skip(color).step_by(3);
    let values: Vec<f32> = (0..3).flat_map(channel).map(|level| f32::from(*level) / 127.5 - 1.0).collect();
    let map = FeatureMapBuffer::upload(gpu, &values, Shape { channels: 3, height, width });
    TileSet {
        name: NAME.into(),
        pixels: Pixels::Colored(map),
        order: [0].into(),
        numbers: Some((vec![1, 3, height, width], values.into())),
    }
}
