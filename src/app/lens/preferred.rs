//! What the selected channel, or what is traced back, would like to see: a picture in place of the tiles, as it grows.

mod grower;

use std::sync::Arc;

use image::{Rgb, RgbImage, imageops};

use self::grower::{Grower, Grown, Wish};
use super::about::About;
use super::legend::Line;
use super::look::Look;
use super::origin::{Origin, Usual};
use super::tiles::{Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::{BestPatch, BestPatches, LensName};
use crate::figure::{BACKGROUND, mosaic};
use crate::gpu::GpuContext;
use crate::inspect::best::KEPT;
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

/// The best patches that stand beside it: of the layer that is shown, for one channel that is not subtracted.
fn beside<'a>(
    look: &Look<'a>,
    request: &PreferredRequest,
) -> Option<(&'a Arc<BestPatches>, &'a [BestPatch])> {
    let (layer, channel, is_negative) = request.origin.one_channel()?;
    let best = look.best.filter(|best| best.layer == layer && layer == look.layer && !is_negative)?;
    Some((best, best.of(channel as u32))).filter(|(_, patches)| !patches.is_empty())
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
        let patches = beside(look, &request).is_some();
        let also = if patches { ", and where it was strongest" } else { "" };
        let title =
            format!("what {origin} would like to see, grown from noise{also} · {back} shows the maps");
        Ok(Subject {
            size: [width, height],
            count: 1 + usize::from(patches),
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
        let mut lines = vec![
            Line::Heading("A picture that was grown".into(), ""),
            Line::quiet(format!(
                "No photograph: noise, changed step by step until this answers to it more than to photographs. There may be \
                 other things that it answers to. {}.",
                Origin::keys_in_words(look)
            )),
        ];
        if request(look).is_ok_and(|request| beside(look, &request).is_some()) {
            let of = match &look.lenses.best {
                Some(file) => format!("the pictures of {}", file.path.display()),
                None => "this session, while this or the best patches were shown".into(),
            };
            lines.push(Line::quiet(format!(
                "Beside it, parts of photographs: where the channel was strongest in {of}. What both have in common is what \
                 it looks for."
            )));
        }
        lines
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
    drawn: Option<Drawn>,
    said: Option<String>,
    /// What was given last is not the end.
    is_growing: bool,
}

/// What was uploaded last.
struct Drawn {
    levels: Arc<[u8]>,
    best: Option<(Arc<BestPatches>, usize)>,
    set: TileSet,
}

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let (Ok(request), Some(model)) = (request(look), look.network) else { return vec![] };
        let settings = request.settings;
        let beside = beside(look, &request);
        let channel = request.origin.one_channel().map_or(0, |(_, channel, _)| channel);
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
        let is_known = |drawn: &Drawn| {
            let is_same = match (&drawn.best, beside) {
                (Some((drawn, of)), Some((best, _))) => Arc::ptr_eq(drawn, best) && *of == channel,
                (None, None) => true,
                _ => false,
            };
            is_same && Arc::ptr_eq(&drawn.levels, &grown.levels)
        };
        if !self.drawn.as_ref().is_some_and(is_known) {
            let levels = grown.levels.clone();
            let [height, width] = settings.size.map(|side| side as u32);
            let grown = RgbImage::from_raw(width, height, levels.to_vec()).unwrap_or_default();
            let mut tiles = vec![grown];
            tiles.extend(beside.map(|(_, patches)| together(patches, [width, height])));
            let best = beside.map(|(best, _)| (best.clone(), channel));
            let set = TileSet::of_pictures(gpu, NAME.into(), &tiles, (0..tiles.len() as u32).collect());
            self.drawn = Some(Drawn { levels, best, set });
        }
        self.drawn.iter().map(|drawn| drawn.set.clone()).collect()
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

/// The patches of a channel in a picture of this size.
fn together(patches: &[BestPatch], [width, height]: [u32; 2]) -> RgbImage {
    let mut all = RgbImage::from_pixel(width, height, Rgb(BACKGROUND));
    let patch = |place: usize| patches.get(place).and_then(|patch| patch.patch.as_deref().cloned());
    let side = (width.min(height) / (KEPT as f64).sqrt().ceil() as u32).saturating_sub(2).max(1);
    let drawn = mosaic(&(0..KEPT).map(patch).collect::<Vec<_>>(), side);
    let at = [(width, drawn.width()), (height, drawn.height())]
        .map(|(all, own)| (i64::from(all) - i64::from(own)) / 2);
    imageops::replace(&mut all, &drawn, at[0], at[1]);
    all
}
