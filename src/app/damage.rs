//! Where what panels are made of differs from what was drawn before. Pure.

use std::sync::Arc;

use egui::epaint::ClippedShape;
use egui::{Color32, Pos2, Rect};

/// Parts are joined where that adds no more pixels than these: each part has its own draw calls.
const CHEAP: f32 = 10_000.0;

/// How far edges are softened, and how far letters move to whole pixels, in pixels.
const SOFT: f32 = 2.0;

/// How panels were laid out.
#[derive(Clone, Debug, Default)]
pub struct PanelLayout {
    /// Of the view, in pixels.
    pub size: [u32; 2],
    /// Pixels of a point.
    pub scale: f32,
    /// Behind everything.
    pub background: Color32,
    /// What the panels are made of, in points.
    pub shapes: Arc<Vec<ClippedShape>>,
    /// Where the picture and the tiles are, in pixels: each frame changes them.
    pub live: Vec<Rect>,
}

impl PanelLayout {
    /// The view, in pixels.
    pub fn whole(&self) -> Rect {
        Rect::from_min_size(Pos2::ZERO, self.size.map(|side| side as f32).into())
    }

    /// What is to be drawn again where the view looks like the one before: parts in whole pixels, none of which meets another.
    pub fn parts(&self, before: Option<&Self>) -> Vec<Rect> {
        let looks = |layout: &Self| (layout.size, layout.scale, layout.background);
        let Some(before) = before.filter(|before| looks(before) == looks(self)) else {
            return vec![self.whole()];
        };
        let changed = changed(&before.shapes, &self.shapes).into_iter().map(|rect| rect * self.scale);
        parts(changed.chain(before.live.iter().chain(&self.live).copied()), self.whole())
    }
}

/// Those shapes that touch a rectangle in points.
pub fn touching(shapes: &[ClippedShape], rect: Rect) -> impl Iterator<Item = &ClippedShape> {
    shapes.iter().filter(move |shape| extent(shape).intersects(rect))
}

/// Where shapes were, and where shapes are now, that are not the same in both: in points.
fn changed(before: &[ClippedShape], now: &[ClippedShape]) -> Vec<Rect> {
    // Where some came or went in between, those at both ends are still compared with themselves.
    let alike = |pair: &(&ClippedShape, &ClippedShape)| pair.0 == pair.1;
    let head = before.iter().zip(now).take_while(alike).count();
    let (before, now) = (&before[head..], &now[head..]);
    let tail = before.iter().rev().zip(now.iter().rev()).take_while(alike).count();
    let (before, now) = (&before[..before.len() - tail], &now[..now.len() - tail]);
    let pairs = before.iter().zip(now).filter(|pair| before.len() != now.len() || !alike(pair));
    let mut rects: Vec<Rect> = pairs.flat_map(|(before, now)| [extent(before), extent(now)]).collect();
    // Of lists that are not equally long, all that the pairs leave.
    let paired = before.len().min(now.len());
    rects.extend(before[paired..].iter().chain(&now[paired..]).map(extent));
    rects.retain(Rect::is_positive);
    rects
}

/// What a shape covers at most, in points.
fn extent(shape: &ClippedShape) -> Rect {
    let bounds = shape.shape.visual_bounding_rect();
    if !bounds.is_positive() && !bounds.is_finite() {
        return Rect::NOTHING;
    }
    // A line that is level has no height before it is softened.
    (shape.transform_after_tessellation * bounds.expand(1.0)).intersect(shape.clip_rect.expand(1.0))
}

/// Parts in whole pixels that hold all these rectangles, and of which none meets another.
fn parts(rects: impl Iterator<Item = Rect>, whole: Rect) -> Vec<Rect> {
    let mut parts: Vec<Rect> = vec![];
    for rect in rects {
        let soft = rect.expand(SOFT);
        let mut part = Rect::from_min_max(soft.min.floor(), soft.max.ceil()).intersect(whole);
        if !part.is_positive() {
            continue;
        }
        let joins = |known: &Rect, part: &Rect| {
            known.intersects(*part) || known.union(*part).area() <= known.area() + part.area() + CHEAP
        };
        // What was joined may meet parts that it did not meet before.
        while let Some(place) = parts.iter().position(|known| joins(known, &part)) {
            part = part.union(parts.swap_remove(place));
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use egui::Shape;

    use super::*;

    fn rect(left: f32, top: f32, right: f32, bottom: f32) -> Rect {
        Rect::from_min_max(Pos2::new(left, top), Pos2::new(right, bottom))
    }

    /// A filled square of 10 points.
    fn square(left: f32, color: Color32) -> ClippedShape {
        let filled = Shape::rect_filled(rect(left, 0.0, left + 10.0, 10.0), 0.0, color);
        ClippedShape::new(rect(0.0, 0.0, 500.0, 400.0), filled)
    }

    #[test]
    fn only_what_differs_has_changed() {
        let colors = [Color32::RED, Color32::GREEN, Color32::BLUE];
        let before: Vec<_> = (0..3).map(|place| square(100.0 * place as f32, colors[place])).collect();
        assert_eq!(changed(&before, &before), []);
        let mut now = before.clone();
        now[1] = square(100.0, Color32::WHITE);
        let covers = |rects: &[Rect], x: f32| rects.iter().any(|rect| rect.contains(Pos2::new(x, 5.0)));
        let middle = changed(&before, &now);
        assert!(covers(&middle, 105.0) && !covers(&middle, 5.0) && !covers(&middle, 205.0));
        // One has moved: both where it was and where it is.
        now[1] = square(300.0, Color32::GREEN);
        let moved = changed(&before, &now);
        assert!(covers(&moved, 105.0) && covers(&moved, 305.0) && !covers(&moved, 205.0));
        // One is gone, and what came after it is where it was.
        now.remove(1);
        let gone = changed(&before, &now);
        assert!(covers(&gone, 105.0) && !covers(&gone, 205.0) && !covers(&gone, 5.0));
        // The order decides what lies over what.
        let turned: Vec<_> = before.iter().rev().cloned().collect();
        assert!(covers(&changed(&before, &turned), 5.0) && covers(&changed(&before, &turned), 205.0));
    }

    #[test]
    fn nothing_is_changed_outside_of_its_clip() {
        let shape = |color| ClippedShape { clip_rect: rect(0.0, 0.0, 4.0, 4.0), ..square(0.0, color) };
        assert_eq!(changed(&[shape(Color32::RED)], &[shape(Color32::BLUE)])[0].max, Pos2::new(5.0, 5.0));
        let hidden = |color| ClippedShape { clip_rect: rect(50.0, 50.0, 60.0, 60.0), ..square(0.0, color) };
        assert_eq!(changed(&[hidden(Color32::RED)], &[hidden(Color32::BLUE)]), []);
    }

    #[test]
    fn a_level_line_covers_something() {
        let line = Shape::hline(egui::Rangef::new(5.0, 50.0), 7.0, egui::Stroke::new(1.0, Color32::RED));
        let line = ClippedShape::new(rect(0.0, 0.0, 90.0, 90.0), line);
        assert!(changed(&[], &[line])[0].contains_rect(rect(5.0, 7.0, 50.0, 7.0)));
    }

    #[test]
    fn parts_hold_everything_and_do_not_meet() {
        let whole = rect(0.0, 0.0, 1000.0, 700.0);
        let parts = |rects: &[Rect]| parts(rects.iter().copied(), whole);
        let far = [rect(0.0, 0.0, 6.0, 6.0), rect(800.0, 600.0, 840.0, 620.0)];
        assert_eq!(parts(&far), [rect(0.0, 0.0, 8.0, 8.0), rect(798.0, 598.0, 842.0, 622.0)]);
        assert_eq!(parts(&[far[0], far[0].translate(egui::vec2(18.0, 0.0))]).len(), 1, "near");
        // A third meets both.
        assert_eq!(parts(&[far[0], far[1], rect(2.0, 2.0, 802.0, 602.0)]), [rect(0.0, 0.0, 842.0, 622.0)]);
        assert_eq!(parts(&[rect(1200.0, 0.0, 1400.0, 6.0)]), [], "outside");
    }

    #[test]
    fn what_stays_is_drawn_again_only_where_the_picture_is() {
        let live = rect(100.0, 100.0, 300.0, 300.0);
        let layout = |color| PanelLayout {
            size: [800, 600],
            scale: 2.0,
            background: Color32::BLACK,
            shapes: Arc::new(vec![square(0.0, Color32::RED), square(300.0, color)]),
            live: vec![live],
        };
        let before = layout(Color32::GREEN);
        assert_eq!(before.parts(None), [rect(0.0, 0.0, 800.0, 600.0)]);
        assert_eq!(before.parts(Some(&before)), [live.expand(SOFT)]);
        let parts = layout(Color32::BLUE).parts(Some(&before));
        assert!(parts.contains(&live.expand(SOFT)) && parts.len() == 2, "{parts:?}");
        assert!(parts.iter().any(|part| part.contains_rect(rect(600.0, 0.0, 620.0, 20.0))), "{parts:?}");
        let larger = PanelLayout { scale: 3.0, ..before.clone() };
        assert_eq!(larger.parts(Some(&before)), [larger.whole()]);
    }
}
