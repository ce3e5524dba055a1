//! Plots of vectors: the probabilities of all classes, the values of one position through several layers.

use super::axes::{Axes, Scale, TICK_SIZE, spread};
use super::canvas::{ACCENT, BACKGROUND, Figure, LINE, QUIET, TEXT, mix};
use super::font::{fit_text, text_width};
use super::marks::{Anchor, TextStyle};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 600;
const MARGIN: f32 = 24.0;
const TITLE_SIZE: f32 = 24.0;
const TITLE_BASELINE: f32 = 42.0;
/// Where the plot begins, or the names of groups over it.
const PLOT_TOP: f32 = 100.0;
/// Size of names of classes and groups, and from one to the next: large where few, smaller where many.
const LABELS: [[f32; 2]; 2] = [[21.0, 32.0], [16.0, 24.0]];
/// Room for labels at the right.
const LABEL_COLUMN: f32 = 396.0;
/// From the plot to its labels.
const LEADER: f32 = 40.0;

const GROUP_SIZE: f32 = 16.0;
/// From one sideways name of a group to the next at least.
const GROUP_PITCH: f32 = 19.0;
/// Most pixels of a sideways name.
const HIGHEST_GROUP: f32 = 180.0;
/// From a group's name to the plot.
const OVER_PLOT: f32 = 10.0;

/// The probability of every class over its index, 1200 × 600 pixels, the `top` most probable (as many as have room)
/// named at the right in descending order.
///
/// `probabilities`: from 0 to 1, one a class; values that are not finite are left out. `names`: of the classes from
/// index 0, may be shorter or empty.
pub fn probability_plot(probabilities: &[f32], names: &[String], title: &str, top: usize) -> Figure {
    let mut figure = Figure::blank(WIDTH, HEIGHT);
    let scale = Scale::covering(probabilities, 5);
    let mut best: Vec<usize> = (0..probabilities.len())
        .filter(|&i| probabilities[i].is_finite() && probabilities[i] > 0.0)
        .collect();
    best.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let axes = Axes {
        left: MARGIN + Axes::margin(&scale, true),
        top: PLOT_TOP,
        right: WIDTH as f32 - MARGIN - if top == 0 || best.is_empty() { 0.0 } else { LABEL_COLUMN + LEADER },
        bottom: HEIGHT as f32 - 62.0,
        count: probabilities.len(),
        scale,
    };
    let room = axes.bottom - axes.top;
    best.truncate(top);
    let form = LABELS.into_iter().find(|[_, pitch]| best.len() as f32 * pitch <= room);
    let [size, pitch] = form.unwrap_or(LABELS[1]);
    best.truncate((room / pitch) as usize);
    draw_title(&mut figure, title);
    figure.text(axes.left, axes.top - 14.0, "probability", TextStyle::new(TICK_SIZE, TEXT));
    let place_name = match left_out(probabilities) {
        0 => format!("class (of {})", probabilities.len()),
        count => format!("class (of {}; {count} without a finite value left out)", probabilities.len()),
    };
    axes.draw(&mut figure, true, &place_name);
    axes.draw_bars(&mut figure, probabilities, mix(BACKGROUND, TEXT, 0.75));

    // Rows of equal probability stand in the order of their classes; a leader ends in each.
    let tips: Vec<f32> = best.iter().map(|&class| axes.y(f64::from(probabilities[class]))).collect();
    let rows = spread(&tips, pitch, axes.top + size / 2.0, axes.bottom - size / 2.0);
    for ((&class, &tip), &row) in best.iter().zip(&tips).zip(&rows) {
        let elbow = [axes.right + 4.0, row];
        let colour = mix(BACKGROUND, ACCENT, 0.45);
        figure.polyline(vec![[axes.x(class), tip], elbow, [axes.right + LEADER - 8.0, row]], 1.0, colour);
    }
    // Lower bars over higher ones: neighbours stay visible.
    let width = axes.bar().max(2.0);
    let zero = axes.y(0.0);
    for (&class, &tip) in best.iter().zip(&tips) {
        figure.rect(axes.x(class) - width / 2.0, tip, width, zero - tip, ACCENT);
        if width < 8.0 {
            figure.dot(axes.x(class), tip, 3.5, ACCENT);
        }
    }
    let numbers_end = axes.right + LEADER + text_width("< 0.01 %", size);
    let left = numbers_end + size * 0.7;
    let right = WIDTH as f32 - MARGIN;
    let style = TextStyle::new(size, TEXT);
    for (&class, &row) in best.iter().zip(&rows) {
        let baseline = row + size * 0.35;
        let number = TextStyle::new(size, ACCENT).anchored(Anchor::End);
        figure.text(numbers_end, baseline, &percent(probabilities[class]), number);
        let Some(name) = names.get(class).filter(|name| !name.trim().is_empty()) else {
            figure.text(left, baseline, &format!("class {class}"), style);
            continue;
        };
        let index = class.to_string();
        let index_width = text_width(&index, TICK_SIZE) + size * 0.6;
        let name = fit_text(name, size, right - left - index_width);
        figure.text(left, baseline, &name, style);
        let behind = left + text_width(&name, size) + size * 0.6;
        figure.text(behind, baseline, &index, TextStyle::new(TICK_SIZE, QUIET));
    }
    figure
}

/// A probability as people read it.
fn percent(probability: f32) -> String {
    let percent = f64::from(probability) * 100.0;
    match percent {
        _ if percent >= 1000.0 => format!("{percent:.1e} %"),
        _ if percent >= 9.95 => format!("{percent:.1} %"),
        _ if percent >= 0.005 => format!("{percent:.2} %"),
        _ => "< 0.01 %".to_owned(),
    }
}

/// A vector's values over their index, 1200 × 600 pixels and the height of its groups' names; values that are not finite are left out.
///
/// `groups`: name and number of values of each part of the vector from its start, such as the layers of a
/// hypercolumn; may be empty or end before the vector does.
pub fn bars(values: &[f32], title: &str, groups: &[(String, usize)]) -> Figure {
    let scale = Scale::covering(values, 6);
    let mut axes = Axes {
        left: MARGIN + Axes::margin(&scale, false),
        top: PLOT_TOP,
        right: WIDTH as f32 - MARGIN,
        bottom: HEIGHT as f32 - 62.0,
        count: values.len(),
        scale,
    };
    let mut end = 0usize;
    let groups: Vec<Group> = groups
        .iter()
        .filter_map(|(name, len)| {
            let start = end.min(values.len());
            end = end.saturating_add(*len).min(values.len());
            let [left, right] = [start, end].map(|index| axes.edge(index));
            (end > start).then_some(Group { name, left, right })
        })
        .collect();
    let names = GroupNames::new(groups, &axes);
    axes.top += names.height;
    axes.bottom += names.height;
    let mut figure = Figure::blank(WIDTH, HEIGHT + names.height as u32);
    draw_title(&mut figure, title);
    // Left of the axis, where no group's name can be.
    let value = TextStyle::new(TICK_SIZE, TEXT).anchored(Anchor::End);
    figure.text(axes.left - 2.0, axes.top - 14.0, "value", value);
    let band = mix(BACKGROUND, LINE, 0.4);
    for group in names.groups.iter().step_by(2) {
        figure.rect(group.left, axes.top, group.right - group.left, axes.bottom - axes.top, band);
    }
    let place_name = match left_out(values) {
        0 => format!("index (of {})", values.len()),
        count => format!("index (of {}; {count} without a finite value left out)", values.len()),
    };
    axes.draw(&mut figure, false, &place_name);
    axes.draw_bars(&mut figure, values, ACCENT);
    names.draw(&mut figure, axes.top, axes.bottom);
    figure
}

/// A named part of the places from left to right.
struct Group<'a> {
    name: &'a str,
    left: f32,
    right: f32,
}

impl Group<'_> {
    fn middle(&self) -> f32 {
        (self.left + self.right) / 2.0
    }
}

/// Groups and where their names stand: over the group where it is wide enough, else sideways, moved apart.
struct GroupNames<'a> {
    groups: Vec<Group<'a>>,
    /// Positions of the sideways ones among all, and where they stand.
    sideways: Vec<(usize, f32)>,
    /// Positions of the others.
    upright: Vec<usize>,
    /// Pixels they take over the plot.
    height: f32,
}

impl<'a> GroupNames<'a> {
    fn new(groups: Vec<Group<'a>>, axes: &Axes) -> Self {
        let width = |position: &usize| text_width(groups[*position].name, GROUP_SIZE);
        let fits =
            |position: &usize| width(position) + 8.0 <= groups[*position].right - groups[*position].left;
        let mut upright: Vec<usize> = (0..groups.len()).filter(fits).collect();
        let place = |narrow: &[usize], low: f32, high: f32| -> Vec<(usize, f32)> {
            let wanted: Vec<f32> = narrow.iter().map(|position| groups[*position].middle()).collect();
            let half = GROUP_PITCH / 2.0;
            narrow.iter().copied().zip(spread(&wanted, GROUP_PITCH, low + half, high - half)).collect()
        };
        // Sideways names stay clear of the upright ones beside them.
        let mut sideways = Vec::new();
        let mut crowded = false;
        let (mut low, mut next) = (axes.left, 0);
        for end in upright.iter().copied().chain([groups.len()]) {
            let narrow: Vec<usize> = (next..end).collect();
            let text = groups.get(end).map(|group| group.middle() - width(&end) / 2.0);
            let high = text.unwrap_or(axes.right);
            crowded |= narrow.len() as f32 * GROUP_PITCH > high - low;
            if !narrow.is_empty() {
                sideways.extend(place(&narrow, low, high));
            }
            low = groups.get(end).map_or(high, |group| group.middle() + width(&end) / 2.0);
            next = end + 1;
        }
        if crowded {
            // All sideways; of more names than have room, every so manyth is written.
            let room = ((axes.right - axes.left) / GROUP_PITCH).max(1.0);
            let every = (groups.len() as f32 / room).ceil() as usize;
            let chosen: Vec<usize> = (0..groups.len()).step_by(every.max(1)).collect();
            sideways = place(&chosen, axes.left, axes.right);
            upright.clear();
        }
        let longest = sideways.iter().map(|(position, _)| width(position)).fold(0.0, f32::max);
        let height = match (upright.is_empty(), sideways.is_empty()) {
            (true, true) => 0.0,
            (false, true) => GROUP_SIZE + OVER_PLOT,
            _ => (longest.min(HIGHEST_GROUP) + 2.0 * OVER_PLOT).ceil(),
        };
        Self { groups, sideways, upright, height }
    }

    /// Writes them over the plot, with the boundaries of their groups.
    fn draw(&self, figure: &mut Figure, top: f32, bottom: f32) {
        let colour = mix(LINE, QUIET, 0.4);
        for group in self.groups.iter().skip(1) {
            let x = group.left.floor() + 0.5;
            figure.line([x, top], [x, bottom], 1.0, colour);
        }
        let style = TextStyle::new(GROUP_SIZE, TEXT);
        for group in self.upright.iter().map(|position| &self.groups[*position]) {
            figure.text(group.middle(), top - OVER_PLOT, group.name, style.anchored(Anchor::Middle));
        }
        for (position, x) in &self.sideways {
            let group = &self.groups[*position];
            let name = fit_text(group.name, GROUP_SIZE, HIGHEST_GROUP);
            let above = top - OVER_PLOT * 1.6;
            figure.text(x + GROUP_SIZE * 0.3, above, &name, style.upwards());
            figure.polyline(vec![[group.middle(), top], [*x, above + 4.0]], 1.0, colour);
        }
    }
}

fn draw_title(figure: &mut Figure, title: &str) {
    let fitted = fit_text(title, TITLE_SIZE, WIDTH as f32 - 2.0 * MARGIN);
    figure.text(MARGIN, TITLE_BASELINE, &fitted, TextStyle::new(TITLE_SIZE, TEXT));
}

/// Number of values that cannot be drawn.
fn left_out(values: &[f32]) -> usize {
    values.iter().filter(|value| !value.is_finite()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::BACKGROUND;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("name {class}")).collect()
    }

    fn texts(figure: &Figure) -> Vec<String> {
        figure.checked_texts().into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    #[test]
    fn neighbours_are_named_apart_in_the_order_of_their_probability() {
        let mut values = vec![1e-5; 1000];
        for (class, value) in [(281, 0.452), (282, 0.451), (285, 0.01), (286, 0.0001), (999, 0.02)] {
            values[class] = value;
        }
        let figure = probability_plot(&values, &names(1000), "cat", 5);
        let texts = figure.checked_texts();
        let row = |wanted: &str| texts.iter().find(|(text, _)| *text == wanted).expect(wanted).1[1];
        let rows = ["name 281", "name 282", "name 999", "name 285", "name 286"].map(row);
        assert!(rows.is_sorted(), "{rows:?}");
        for wanted in ["45.2 %", "45.1 %", "2.00 %", "1.00 %", "0.01 %", "281", "0 %", "50 %", "900"] {
            row(wanted);
        }
    }

    #[test]
    fn a_bar_stands_at_its_class_with_its_height() {
        let mut values = vec![0.0; 1000];
        values[250] = 1.0;
        values[750] = 0.5;
        let drawn = probability_plot(&values, &[], "", 0).to_picture().unwrap();
        let is_bar = |x: u32, y: u32| drawn.get_pixel(x, y).0.iter().all(|level| *level > 0x70);
        let columns = |y: u32| (100..1180).filter(|&x| is_bar(x, y)).collect::<Vec<_>>();
        // Between the ticks of the axis, which lie at full and half height.
        let (upper, lower) = (columns(180), columns(450));
        assert!(!upper.is_empty() && upper.len() < 3, "{upper:?}");
        assert_eq!(lower.len() / 2, upper.len(), "{lower:?}");
        let left = 73.0 + 0.25 * (1176.0 - 73.0);
        assert!((upper[0] as f32 - left).abs() < 3.0, "{upper:?} {left}");
    }

    #[test]
    fn odd_vectors_are_plotted() {
        for values in
            [vec![], vec![0.0; 1000], vec![1.0], vec![f32::NAN; 3], vec![0.001; 1000], vec![-1.0, 2e9]]
        {
            for top in [0, 1, 5, 100] {
                let figure = probability_plot(&values, &names(3), "title", top);
                figure.checked_texts();
                figure.to_picture().unwrap();
            }
            bars(&values, "title", &[("all of it".into(), usize::MAX), ("none".into(), 5)]).checked_texts();
        }
        let figure = probability_plot(&[0.4, f32::NAN, 0.6, f32::INFINITY], &[], &"long ".repeat(100), 9);
        let texts = texts(&figure);
        assert!(texts.contains(&"class (of 4; 2 without a finite value left out)".to_owned()), "{texts:?}");
        assert!(texts.contains(&"class 2".to_owned()) && !texts.contains(&"class 1".to_owned()), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("long") && text.ends_with('…')));
    }

    #[test]
    fn as_many_classes_are_named_as_have_room() {
        let values: Vec<f32> = (0..1000).map(|class| 0.001 + class as f32 * 1e-8).collect();
        let long: Vec<String> = (0..1000).map(|class| format!("{} {class}", "W".repeat(60))).collect();
        let figure = probability_plot(&values, &long, "", 1000);
        let named = texts(&figure).iter().filter(|text| text.starts_with("WW")).count();
        assert_eq!(named, 18);
    }

    #[test]
    fn groups_are_named_over_their_values() {
        let group = |name: &str, len| (name.to_owned(), len);
        let values = vec![1.0; 1376];
        let wide = bars(&values, "wide", &[group("mixed0", 256), group("mixed1", 544), group("mixed2", 576)]);
        assert_eq!(wide.height(), 626);
        let texts = wide.checked_texts();
        let middle = |wanted: &str| {
            let [left, _, right, _] = texts.iter().find(|(text, _)| *text == wanted).expect(wanted).1;
            (left + right) / 2.0
        };
        let axes_left = 62.0;
        let expected = axes_left + (256.0 + 272.0) / 1376.0 * (1176.0 - axes_left);
        assert!((middle("mixed1") - expected).abs() < 12.0, "{}", middle("mixed1"));

        let mut narrow =
            vec![group("batch_normalization_1", 16), group("activation_1", 4), group("conv2d", 4)];
        narrow.push(group("mixed0", 1000));
        narrow.extend((0..6).map(|n| group(&format!("activation_{n}"), 20)));
        bars(&values, "narrow", &narrow).checked_texts();
        let many: Vec<_> = (0..313).map(|n| group(&format!("batch_normalization_{n}"), 4)).collect();
        bars(&values, "many", &many).checked_texts();
        assert!(bars(&values, "none", &[]).checked_texts().iter().all(|(text, _)| *text != "mixed0"));
    }

    #[test]
    fn bars_hang_from_zero() {
        let drawn = bars(&[1.0, -1.0], "", &[]).to_picture().unwrap();
        let column = |x: u32| (100..538).filter(|y| drawn.get_pixel(x, *y).0 == ACCENT).collect::<Vec<_>>();
        // Quarters of the plot are the middles of the two bars.
        let (up, down) = (column(340), column(890));
        assert!(up.len() > 150 && up.len().abs_diff(down.len()) < 3, "{} {}", up.len(), down.len());
        assert!(up.last().unwrap() <= down.first().unwrap());
        assert_eq!(drawn.get_pixel(620, 250).0, BACKGROUND);
    }
}
