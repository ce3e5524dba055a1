//! Operations that cut values (`x[:, 1:-1]`) or put something around them.

use serde_json::Value as Json;

use super::assembly::Assembly;
use super::config::{self, integer, list, number};
use super::values::{Site, Stop, Value, Wanted};
use crate::model::{Axis, Filling, Op};

/// Reversed axes take a node for each of their places.
const MOST_REVERSED: usize = 8;

impl Assembly<'_, '_, '_> {
    /// Zeros, or another number, around maps.
    pub fn pad_operation(&mut self, site: &Site<'_, '_>, input: &Value) -> Result<Option<Value>, Stop> {
        let Some(width) = site.option(&["pad_width", "paddings"], 1).and_then(list) else { return Ok(None) };
        let mode = site.option(&["mode"], 2).and_then(Json::as_str).unwrap_or("constant").to_lowercase();
        let filling = site.option(&["constant_values"], 3).map_or(Some(0.0), number);
        let filling = match (mode.as_str(), filling) {
            ("constant", Some(value)) => Filling::Constant(value as f32),
            ("reflect", _) => Filling::Reflect,
            ("edge", _) => Filling::Edge,
            _ => return Ok(None),
        };
        if width.len() != input.sides.len() + 1 || input.sides.len() != 3 {
            return Ok(None);
        }
        let (mut before, mut after) = ([0; 2], [0; 2]);
        for (axis, pair) in width.iter().enumerate() {
            let Some([low, high]) = config::pair(pair) else { return Ok(None) };
            let graph_axis = self.axis(input, axis as i64);
            match graph_axis.filter(|_| axis > 0) {
                Some(Axis::Height) => (before[0], after[0]) = (low, high),
                Some(Axis::Width) => (before[1], after[1]) = (low, high),
                _ if (low, high) == (0, 0) => {}
                _ => return Ok(None),
            }
        }
        self.push(site, "", &[input], Wanted::new(Op::Pad(before, after, filling))).map(Some)
    }

    /// `x[:, 1:-1, ::2, :4]`.
    pub fn get_item(&mut self, site: &Site<'_, '_>, input: &Value) -> Result<Option<Value>, Stop> {
        let Some(keys) = site.option(&["slice_spec", "key"], 1) else { return Ok(None) };
        let single = std::slice::from_ref(keys);
        let keys = list(keys).unwrap_or(single);
        let is_rest = |key: &Json| key.get("class_name").and_then(Json::as_str) == Some("__ellipsis__");
        let rank = input.sides.len() + 1;
        let rest = keys.iter().filter(|key| is_rest(key)).count();
        let Some(missing) = (rank + rest).checked_sub(keys.len()).filter(|_| rest <= 1) else {
            return Ok(None);
        };
        let mut wanted: Vec<Option<&Json>> = Vec::new();
        for key in keys {
            match is_rest(key) {
                true => wanted.extend(std::iter::repeat_n(None, missing)),
                false => wanted.push(Some(key)),
            }
        }
        wanted.resize(rank, None);
        let mut value = input.clone();
        let mut gone = vec![];
        let mut cuts = vec![];
        let mut reversed = None;
        for (axis, key) in wanted.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let slice = key.get("config").unwrap_or(key);
            let end = |name: &str| slice.get(name).filter(|value| !value.is_null());
            let is_whole =
                key.is_object() && ["start", "stop", "step"].into_iter().all(|name| end(name).is_none());
            if is_whole {
                continue;
            }
            let (Some(graph_axis), Some(place)) = (self.axis(input, axis as i64), axis.checked_sub(1)) else {
                return Ok(None);
            };
            let side = input.sides[place] as i64;
            let within = |value: i64| if value < 0 { value + side } else { value }.clamp(0, side);
            if key.is_object() {
                let numbers = ["start", "stop", "step"].map(|name| end(name).map(integer));
                if numbers.contains(&Some(None)) {
                    return Ok(None);
                }
                let [start, stop, step] = numbers.map(Option::flatten);
                match step.unwrap_or(1) {
                    -1 if start.is_none() && stop.is_none() && reversed.is_none() => {
                        reversed = Some(graph_axis)
                    }
                    step if step > 0 => {
                        let (start, stop) = (within(start.unwrap_or(0)), within(stop.unwrap_or(side)));
                        let count = ((stop - start).max(0) + step - 1) / step;
                        cuts.push((graph_axis, start as usize, step as usize, count as usize));
                    }
                    _ => return Ok(None),
                }
                continue;
            }
            let Some(index) = integer(key).filter(|index| (-side..side).contains(index)) else {
                return Ok(None);
            };
            cuts.push((graph_axis, within(index) as usize, 1, 1));
            gone.push(place);
        }
        if let Some(axis) = reversed {
            let count = self.builder.shape(input.node).side(axis);
            if count > MOST_REVERSED || !cuts.is_empty() {
                return Ok(None);
            }
            let mut parts = vec![];
            for place in (0..count).rev() {
                let op = Op::Slice(axis, place, 1, 1);
                parts.push(self.push(site, &place.to_string(), &[&value], Wanted::new(op))?);
            }
            let parts: Vec<&Value> = parts.iter().collect();
            let wanted = Wanted { sides: Some(input.sides.clone()), ..Wanted::new(Op::Concat(axis)) };
            return self.push(site, "", &parts, wanted).map(Some);
        }
        if cuts.iter().any(|(.., count)| *count == 0) {
            return Ok(None);
        }
        if gone.is_empty() {
            return self.slices(site, "", input, &cuts).map(Some);
        }
        value = self.slices(site, "cut", &value, &cuts)?;
        let left: Vec<usize> = value
            .sides
            .iter()
            .enumerate()
            .filter(|(place, _)| !gone.contains(place))
            .map(|(_, s)| *s)
            .collect();
        self.rearrange(site, "", &value, None, left).map(Some)
    }
}
