//! The best patches of each channel in place of its map: of the session, or of a file.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;
use serde_json::{Map, Value, json};

use super::about::{About, Choices, Flag, Takes};
use super::legend::Line;
use super::look::Look;
use super::tiles::{Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::{BestPatch, BestPatches, LensName};
use crate::figure::mosaic;
use crate::gpu::GpuContext;
use crate::inspect::best::KEPT;
use crate::record::best::BestFile;
use crate::view::number;

/// In keys, options and JSON.
pub const NAME: LensName = "best";

/// What the option takes in place of a file.
const SESSION: &str = "session";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift n"],
    help: "the best patch of each channel so far, or its map",
    flag: Some(Flag {
        long: "best",
        takes: Takes::One("FILE"),
        help: "Show in place of each map where its channel was strongest: in the pictures of this run (`session`), or those of a \
               file that `convscope best --json` has printed",
    }),
    more: &[],
};

/// The lens.
pub struct Best;

/// Why a file's patches are not those of what is shown.
fn check(look: &Look<'_>) -> Result<(), String> {
    let Some(file) = &look.lenses.best else { return Ok(()) };
    if let Some(network) = look.network {
        file.check(&network.graph, &network.weights.origin)?;
    }
    let layer = &file.document.layer;
    if layer.index != look.layer {
        return Err(format!(
            "{} is of {}, and this is {}: go there, or make one of this layer with `convscope best`",
            file.path.display(),
            layer.name,
            look.node().name
        ));
    }
    Ok(())
}

fn of_what(look: &Look<'_>) -> String {
    match &look.lenses.best {
        Some(file) => format!("{} pictures of {}", file.document.pictures, file.path.display()),
        None => "this session".into(),
    }
}

impl TilesLens for Best {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        let back = look.key(Action::Tiles(NAME));
        check(look).map_err(|reason| format!("No patches: {reason}. {back} shows the maps."))?;
        let side = BestPatches::side_for(look.shape().channels);
        let (of, maps) = (of_what(look), format!("{back} shows the maps"));
        if let Some(channel) = look.selected_channel().filter(|_| look.place.enlarged) {
            let all = look.key(Action::ToggleEnlarged);
            let size = [mosaic(&vec![None; KEPT], side).width() as usize; 2];
            let title =
                format!("channel {channel}: its strongest places in {of} · {all} shows all channels, {maps}");
            return Ok(Subject { size, count: 1, is_selectable: false, titles: vec![title], rows: vec![] });
        }
        let title = format!("where each channel was strongest in {of} · {maps}");
        let count = look.channels().len();
        Ok(Subject {
            size: [side as usize; 2],
            count,
            is_selectable: true,
            titles: vec![title],
            rows: vec![],
        })
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        check(look).err()
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work::default())
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        let mut lines = vec![Line::Heading("Best patches".into(), "")];
        let channel = look.selected_channel().unwrap_or_default();
        let patches = look.best.map_or(&[][..], |best| best.of(channel));
        let is_changed = look.shown.is_some_and(|shown| !shown.request.experiment.is_empty());
        match patches {
            [] if look.best.is_none() && is_changed => {
                lines.push(Line::quiet(
                    "None yet: frames of an experiment do not count. They are looked for when it has ended.",
                ));
            }
            [] if look.best.is_none() => lines.push(Line::quiet("They are being looked for …")),
            [] => lines.push(Line::quiet(format!("Of channel {channel} there is none."))),
            [first, others @ ..] => {
                lines.push(Line::Main(
                    format!("channel {channel}: {} in {}", number(first.value), first.picture),
                    "",
                ));
                let others: Vec<_> = others.iter().map(|patch| number(patch.value)).collect();
                if !others.is_empty() {
                    lines.push(Line::quiet(format!("then {}", others.join(", "))));
                }
            }
        }
        let [height, width] = look.node().receptive_field.size;
        lines.push(Line::quiet(format!(
            "Of each picture the cell at which a channel is strongest, and what that cell sees: {width}×{height} pixels of the \
             network's input. Where those leave the picture, a small frame marks their middle."
        )));
        if look.lenses.best.is_none() && !look.is_still {
            lines.push(Line::quiet(
                "Frames within a second count as one picture. They are looked through while these tiles are shown, and what was \
                 found is kept for the last two layers.",
            ));
        }
        lines.extend(
            look.best
                .and_then(|best| best.trouble.clone())
                .map(|reason| Line::quiet(format!("Some are blank: {reason}"))),
        );
        lines
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        choices.lenses.tiles = Some(NAME);
        match values.first().map(String::as_str) {
            None | Some(SESSION) => {}
            Some(path) => choices.lenses.best = Some(Arc::new(BestFile::open(Path::new(path))?)),
        }
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        match &look.lenses.best {
            None => format!("--best {SESSION}"),
            Some(file) => {
                let path = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
                format!("--best '{}'", path.display())
            }
        }
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let of = look.lenses.best.as_ref().map_or(SESSION.into(), |file| file.path.display().to_string());
        let mut more = Map::new();
        more.insert("of".into(), of.into());
        if let Some((best, channel)) = look.best.zip(look.selected_channel()) {
            let place = |BestPatch { value, cell, picture, area, .. }: &BestPatch| json!({ "value": value, "cell": cell, "picture": &**picture, "box": area });
            let places: Vec<Value> = best.of(channel).iter().map(place).collect();
            more.insert("channel".into(), channel.into());
            more.insert("strongest".into(), places.into());
        }
        more
    }
}

/// While frames keep coming, patches are drawn anew at most this often.
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Work {
    drawn: Option<Drawn>,
    is_behind: bool,
}

/// What was uploaded last.
struct Drawn {
    best: Arc<BestPatches>,
    order: Arc<[u32]>,
    /// The enlarged channel.
    one: Option<u32>,
    set: TileSet,
    at: Instant,
}

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        self.is_behind = false;
        let Some(best) = look.best.filter(|best| best.layer == look.layer && check(look).is_ok()) else {
            return vec![];
        };
        let (order, one) = (look.channels(), look.selected_channel().filter(|_| look.place.enlarged));
        if let Some(drawn) = &self.drawn {
            let is_alike = (&drawn.order, drawn.one) == (&order, one) && drawn.best.layer == best.layer;
            let is_known = is_alike && Arc::ptr_eq(&drawn.best, best);
            self.is_behind = is_alike && !is_known && !look.is_still && drawn.at.elapsed() < PAUSE;
            if is_known || self.is_behind {
                return vec![drawn.set.clone()];
            }
        }
        let name = format!("best patches of {}", look.node().name);
        let set = match one {
            Some(channel) => {
                let patches: Vec<_> =
                    (0..KEPT).map(|place| best.of(channel).get(place).and_then(picture)).collect();
                TileSet::of_pictures(gpu, name, &[mosaic(&patches, best.side)], [0].into())
            }
            None => {
                let first = |channel: &u32| best.of(*channel).first().and_then(picture);
                let tiles: Vec<_> =
                    order.iter().map(|channel| mosaic(&[first(channel)], best.side)).collect();
                TileSet::of_pictures(gpu, name, &tiles, order.clone())
            }
        };
        self.drawn = Some(Drawn { best: best.clone(), order, one, set: set.clone(), at: Instant::now() });
        vec![set]
    }

    fn is_growing(&self) -> bool {
        self.is_behind
    }
}

fn picture(patch: &BestPatch) -> Option<RgbImage> {
    patch.patch.as_deref().cloned()
}
