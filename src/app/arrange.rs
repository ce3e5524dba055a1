//! Which channels of a layer are shown in which order: scores from the statistics of each frame, kept still by
//! `view::Ranking` where frames keep coming, exact where a picture stands. Main thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::health::{LayerMarks, SessionHealth};
use super::lens::class_activation::Explainer;
use super::lens::{Look, first_order};
use super::relations::Relations;
use super::state::{AppState, Arranged};
use crate::engine::Model;
use crate::inspect::{ChannelStatistics, contributions, pooled_from};
use crate::model::LayerIndex;
use crate::session::Activations;
use crate::view::{Filter, Presence, Ranking, Sort};

/// Another class has to be the most probable one for so long before channels are sorted by it.
const CLASS_HOLD_S: f32 = 1.0;

/// What is known when channels are arranged.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The results that are shown.
    pub shown: &'a Activations,
    /// Of the session.
    pub health: &'a SessionHealth,
    /// Of channels to each other.
    pub relations: &'a Relations,
    /// Frames keep coming: tiles are to stay where they are as long as they can.
    pub is_moving: bool,
}

/// What is remembered of each layer.
#[derive(Default)]
pub struct Arranger {
    layers: BTreeMap<LayerIndex, Kept>,
}

struct Kept {
    frame: u64,
    captured: Instant,
    has_relation: bool,
    ranking: Option<Ranking>,
    presence: Option<Presence>,
    /// Once there, an order by similarity stays.
    similar: Option<Arc<[u32]>>,
    class: Option<usize>,
    /// For how long another class has been the most probable one.
    other_class_s: f32,
    arranged: Arranged,
}

impl Arranger {
    /// Forgets everything.
    pub fn restart(&mut self) {
        self.layers.clear();
    }

    /// The arrangement of a layer after this frame; `None` while the layer was not computed.
    pub fn update(&mut self, state: &AppState, layer: LayerIndex, known: Known<'_>) -> Option<Arranged> {
        let tap = known.shown.tap(layer)?;
        let frame = &known.shown.frame.frame;
        let has_relation = known.relations.of(layer).is_some();
        let is_same = |kept: &Kept| {
            kept.arranged.sort == state.place.sort && kept.arranged.filter == state.place.filter
        };
        let before = self.layers.remove(&layer).filter(is_same);
        if let Some(kept) =
            before.as_ref().filter(|kept| kept.frame == frame.id && kept.has_relation == has_relation)
        {
            let arranged = kept.arranged.clone();
            self.layers.extend(before.map(|kept| (layer, kept)));
            return Some(arranged);
        }
        let before = before.filter(|_| known.is_moving);
        let elapsed_s = before.as_ref().map_or(0.0, |kept| (frame.captured - kept.captured).as_secs_f32());
        let graph = state.graph();
        let count = graph.nodes[layer].shape.channels;
        let statistics = tap.channel_statistics.get(..count)?;
        let needs_marks = state.place.sort == Sort::Health || state.place.filter != Filter::None;
        let marks = if needs_marks { known.health.of(layer, known.relations) } else { None };

        let (class, other_class_s) = held_class(known.shown, before.as_ref(), elapsed_s);
        let class = state.lenses.tracing.class().or(class);
        let scored = match state.place.sort {
            Sort::Index | Sort::Similarity => Ok(None),
            Sort::Class if pooled_from(graph, layer).is_none() => {
                let look = Look { layer, network: Some(&known.shown.model), ..state.look() };
                first_order(&look, known.shown).map(Some).map_err(|reason| format!("not sorted: {reason}"))
            }
            sort => scores(sort, statistics, layer, &known.shown.model, class, marks.as_deref())
                .map(Some)
                .map_err(String::from),
        };
        let mut note = scored.as_ref().err().cloned();
        let scores = scored.ok().flatten();
        let (mut ranking, mut presence, mut similar) =
            before.map_or((None, None, None), |kept| (kept.ranking, kept.presence, kept.similar));
        ranking = scores.map(|scores| match ranking.take() {
            Some(mut ranking) => {
                ranking.observe(&scores, elapsed_s);
                ranking
            }
            None if state.place.sort == Sort::Change => Ranking::slow(&scores),
            None => Ranking::new(&scores),
        });
        if state.place.sort == Sort::Similarity {
            similar = similar.or_else(|| known.relations.of(layer).map(|relation| relation.order.clone()));
            note = similar.is_none().then(|| "comparing the maps …".into());
        }
        presence =
            unwanted(state.place.filter, marks.as_deref(), count).map(|unwanted| match presence.take() {
                Some(mut presence) => {
                    presence.observe(&unwanted, elapsed_s);
                    presence
                }
                None => Presence::new(unwanted),
            });

        let order = ranking.as_ref().map(Ranking::order).or(similar.as_ref());
        let hidden = presence.as_ref().map(Presence::hidden).unwrap_or_default();
        let base = state.place.channels.within(count);
        let (channels, hidden) = select(&base, order.map(|order| &**order), hidden, count);
        if hidden == base.len() {
            note = Some("all of them would be hidden, so none is".into());
        }
        let arranged = Arranged {
            layer,
            sort: state.place.sort,
            filter: state.place.filter,
            hidden: base.len() - channels.len(),
            channels: channels.into(),
            class: class.filter(|_| state.place.sort == Sort::Class && note.is_none()),
            note,
        };
        let kept = Kept {
            frame: frame.id,
            captured: frame.captured,
            has_relation,
            ranking,
            presence,
            similar,
            class,
            other_class_s,
            arranged: arranged.clone(),
        };
        self.layers.insert(layer, kept);
        Some(arranged)
    }
}

/// Those of `base` that are not hidden, in this order (or the one of `base`), and how many are hidden; where that is all
/// of them, all are there.
fn select(base: &[u32], order: Option<&[u32]>, hidden: &[bool], count: usize) -> (Vec<u32>, usize) {
    let mut is_wanted = vec![false; count];
    for &channel in base {
        is_wanted[channel as usize] = true;
    }
    let is_hidden = |channel: &&u32| hidden.get(**channel as usize).copied().unwrap_or(false);
    let ordered: Vec<u32> = match order {
        Some(order) => order.iter().copied().filter(|channel| is_wanted[*channel as usize]).collect(),
        None => base.to_vec(),
    };
    let shown: Vec<u32> = ordered.iter().filter(|channel| !is_hidden(channel)).copied().collect();
    let hidden = ordered.len() - shown.len();
    if shown.is_empty() { (ordered, hidden) } else { (shown, hidden) }
}

/// One score a channel, large ones first; or why there is none.
fn scores(
    sort: Sort,
    statistics: &[ChannelStatistics],
    layer: LayerIndex,
    model: &Model,
    class: Option<usize>,
    marks: Option<&LayerMarks>,
) -> Result<Vec<f32>, &'static str> {
    let of = |score: fn(&ChannelStatistics) -> f32| Ok(statistics.iter().map(score).collect());
    match sort {
        Sort::Max => of(|channel| channel.max),
        Sort::Mean => of(|channel| channel.mean),
        Sort::Variance => of(|channel| channel.std),
        Sort::Change => of(|channel| channel.change),
        Sort::Class => {
            let graph = &model.graph;
            let first = pooled_from(graph, layer).ok_or("not sorted")?;
            if !model.weights.origin.is_trained() {
                return Err("not sorted: an untrained network's classes mean nothing");
            }
            let class = class.ok_or("not sorted: turn predictions on (shift p)")?;
            let missing = "not sorted: the weights have no such class";
            let explainer = Explainer::of(graph, &model.weights, &model.labels).ok_or(missing)?;
            let (weights, _) = explainer.of_class(class).ok_or(missing)?;
            contributions(&weights, first, statistics).ok_or(missing)
        }
        Sort::Health => {
            let marks = marks.ok_or("not sorted: nothing has been seen yet")?;
            Ok((0..statistics.len()).map(|channel| marks.severity(channel)).collect())
        }
        Sort::Index | Sort::Similarity => Err("not sorted"),
    }
}

/// The class that channels are sorted by: the most probable one, unless another has only just overtaken it. Beside it, for
/// how long another has been ahead.
fn held_class(shown: &Activations, before: Option<&Kept>, elapsed_s: f32) -> (Option<usize>, f32) {
    let top = shown.answer.as_ref().and_then(|answer| answer.top(1).first().copied());
    match before {
        Some(Kept { class: Some(class), other_class_s, .. }) if top.is_some_and(|top| top != *class) => {
            let other_class_s = other_class_s + elapsed_s;
            if other_class_s < CLASS_HOLD_S { (Some(*class), other_class_s) } else { (top, 0.0) }
        }
        _ => (top, 0.0),
    }
}

/// Which channels are to be hidden; `None` where nothing is filtered.
fn unwanted(filter: Filter, marks: Option<&LayerMarks>, count: usize) -> Option<Vec<bool>> {
    let all = marks.map(|marks| &marks.marks[..]).unwrap_or_default();
    let is = |channel: usize| match filter {
        Filter::None => false,
        Filter::Silent => all.get(channel).is_some_and(|mark| mark.silent),
        Filter::Dead => marks.is_some_and(|marks| marks.is_dead(channel)),
    };
    (filter != Filter::None).then(|| (0..count).map(is).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_ordered_and_hidden() {
        let order: &[u32] = &[4, 2, 0, 1, 3];
        let hidden = [false, true, false, false, true];
        assert_eq!(select(&[0, 1, 2, 3, 4], Some(order), &hidden, 5), (vec![2, 0, 3], 2));
        // Chosen channels keep the order they were written in where nothing sorts them.
        assert_eq!(select(&[3, 1, 0], None, &hidden, 5), (vec![3, 0], 1));
        assert_eq!(select(&[3, 1, 0], Some(order), &[], 5), (vec![0, 1, 3], 0));
        // Rather all than none.
        assert_eq!(select(&[4, 1], Some(order), &hidden, 5), (vec![4, 1], 2));
    }
}
