//! What rules say of pictures, on one sheet: columns are rules, rows are pictures.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::ask::{Answered, Question, Ruled};
use crate::figure::{Figure, Heading, Legend, Sheet, Tile};
use crate::inspect::saliency::{mask, reach};
use crate::inspect::{SaliencyView, Start};
use crate::model::labels::Label;
use crate::model::{Graph, Method, Place};
use crate::view::{ColorRange, Colormap, FLAT_COLOR, colormap_table, number, paint};

/// One picture of a sheet.
pub struct Row {
    /// Its name.
    pub name: String,
    /// As the network sees it.
    pub seen: RgbImage,
    /// What the rules say.
    pub answered: Answered,
}

/// What a sheet shows beside its rows.
pub struct Look<'a> {
    pub graph: &'a Graph,
    pub labels: &'a [Label],
    pub question: &'a Question,
    pub view: SaliencyView,
    /// Pixels of a tile's longer side.
    pub tile_side: u32,
    /// What the network is.
    pub network: String,
}

/// Nothing of the picture comes through.
const MASKED: [u8; 3] = [12, 13, 15];

impl Look<'_> {
    /// The sheet.
    pub fn draw(&self, rows: &[Row]) -> anyhow::Result<Figure> {
        let (graph, question) = (self.graph, self.question);
        let to = match question.to {
            0 => "the picture".to_string(),
            layer => graph.nodes[layer].name.clone(),
        };
        let heading = |text: &str| Heading { lines: vec![text.to_string()] };
        let rules = question.methods.iter().map(|method| heading(method.title()));
        let cells = rows.iter().map(|row| {
            let seen = Tile { picture: self.fitted(row.seen.clone()), caption: String::new() };
            let tiles = row.answered.rules.iter().map(|ruled| self.tile(row, ruled));
            [seen].into_iter().chain(tiles).map(Some).collect()
        });
        let sheet = Sheet {
            title: format!("From {} back to {to}", question.origin.in_words(graph, self.labels)),
            subtitle: self.network.clone(),
            columns: [heading("as the network sees it")].into_iter().chain(rules).collect(),
            rows: rows.iter().map(|row| self.row_name(row)).collect(),
            cells: cells.collect(),
            tile_side: self.tile_side,
            smooth: false,
            legend: Some(self.legend(rows)),
            notes: self.notes(rows),
        };
        Ok(sheet.draw()?)
    }

    /// The picture's name, what the picture itself chose, and the units' value.
    fn row_name(&self, row: &Row) -> String {
        let (asked, found) = (&self.question.origin, &row.answered.origin);
        let value = number(row.answered.value);
        let chosen = match (asked.parts.as_slice(), found.parts.as_slice()) {
            ([one], [found]) => match (one.start, found.start) {
                (Start::TopClass, _) => asked_in_words(row, self),
                (
                    _,
                    Start::Channel { place: Place::Strongest, strongest: Some([row, column]), layer, .. },
                ) if !self.graph.nodes[layer].shape.is_vector() => {
                    format!("row {row}, column {column}")
                }
                _ => "value".into(),
            },
            _ if asked.wants_top() => asked_in_words(row, self),
            _ => "value".into(),
        };
        format!("{} · {chosen}: {value}", row.name)
    }

    fn tile(&self, row: &Row, ruled: &Ruled) -> Tile {
        let shape = ruled.output.shape;
        let size = [shape.height, shape.width];
        let nothing = ruled.told.nothing_in_words(row.answered.value);
        let map = self.view.map(&ruled.output);
        let reach = reach(&map);
        if nothing.is_some() || reach == 0.0 && ruled.told.broken == 0 {
            let picture = RgbImage::from_pixel(shape.width as u32, shape.height as u32, Rgb(FLAT_COLOR));
            let caption = nothing.unwrap_or("the colours cancel each other").to_string();
            return Tile { picture, caption };
        }
        let (picture, ends) = match self.view {
            SaliencyView::Masked => {
                let parts = mask(&map, size, [row.seen.height() as usize, row.seen.width() as usize]);
                let mut masked = row.seen.clone();
                for (pixel, part) in masked.pixels_mut().zip(parts) {
                    for (level, dark) in pixel.0.iter_mut().zip(MASKED) {
                        let mixed = f32::from(*level) * part + f32::from(dark) * (1.0 - part);
                        *level = mixed.round() as u8;
                    }
                }
                (self.fitted(masked), format!("0 … {}", number(reach)))
            }
            view => {
                let low = if view.is_signed() { -reach } else { 0.0 };
                let colormap = colormap(view);
                let range = ColorRange::plain((low, reach), colormap);
                let sign = if view.is_signed() { "±" } else { "0 … " };
                (paint(&map, shape.width, &range, colormap), format!("{sign}{}", number(reach)))
            }
        };
        let mut caption = ends;
        if let Some(completeness) = ruled.completeness {
            let change = row.answered.value - completeness.black;
            caption += &format!(" · sum {} of {}", number(ruled.told.sum as f32), number(change));
        }
        if row.answered.value == 0.0 {
            caption += " · the unit is silent";
        }
        Tile { picture, caption }
    }

    /// A picture no larger than its tile, so that no pixel is left out. (Maps keep their pixels: red and blue mixed would be a
    /// colour of no value.)
    fn fitted(&self, picture: RgbImage) -> RgbImage {
        let longer = picture.width().max(picture.height());
        if longer <= self.tile_side {
            return picture;
        }
        let side =
            |side: u32| (u64::from(side) * u64::from(self.tile_side) / u64::from(longer)).max(1) as u32;
        imageops::resize(&picture, side(picture.width()), side(picture.height()), FilterType::Triangle)
    }

    fn legend(&self, rows: &[Row]) -> Legend {
        let what = if self.question.to == 0 { "colours" } else { "channels" };
        let single = match rows {
            [row] => match row.answered.rules.as_slice() {
                [ruled] => Some(reach(&self.view.map(&ruled.output))),
                _ => None,
            },
            _ => None,
        };
        let (low, high) = match (self.view.is_signed(), single) {
            (true, Some(reach)) => (number(-reach), number(reach)),
            (true, None) => ("lowers".into(), "raises".into()),
            (false, Some(reach)) => ("0".into(), number(reach)),
            (false, None) => ("0".into(), "most".into()),
        };
        let each = "99 % of a map's values that are not zero lie within the ends, which stand below it; those beyond have the ends' colours";
        let text = format!("{}; {each}", self.view.in_words(what));
        Legend { table: colormap_table(colormap(self.view)), low, high, text }
    }

    /// What each rule says and cannot say, and where.
    fn notes(&self, rows: &[Row]) -> Vec<String> {
        let same = |method: Method| {
            let is_same = |ruled: &Ruled| ruled.method == method && ruled.equals_gradient;
            rows.iter().any(|row| row.answered.rules.iter().any(is_same))
        };
        let note = |&method: &Method| {
            let own = format!("{}: {} ({})", method.title(), method.sentence(), method.source());
            let of_method = |ruled: &&Ruled| ruled.method == method;
            let passes =
                rows.iter().filter_map(|row| Some(row.answered.rules.iter().find(of_method)?.passes));
            let runs = match (passes.clone().min(), passes.max()) {
                (Some(least), Some(most)) if least < most => format!(" Mean of {least} to {most} runs."),
                (_, Some(passes)) if passes > 1 => format!(" Mean of {passes} runs."),
                _ => String::new(),
            };
            let same =
                if same(method) { " Here it is the gradient: there is no ReLU on the way." } else { "" };
            own + &runs + same
        };
        self.question.methods.iter().map(note).collect()
    }
}

fn asked_in_words(row: &Row, look: &Look<'_>) -> String {
    row.answered.origin.in_words(look.graph, look.labels)
}

fn colormap(view: SaliencyView) -> Colormap {
    match view {
        SaliencyView::Signed => Colormap::Diverging,
        SaliencyView::Masked => Colormap::Grey,
        SaliencyView::Magnitude | SaliencyView::Blurred => Colormap::Magma,
    }
}
