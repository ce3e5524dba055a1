//! The gradient of a unit with respect to the picture, over the picture: what made the unit answer, by one of several rules.
//! Its channels become one map on the drawing device, from which only the ends of the colours come back.

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::legend::Line;
use super::look::Look;
use super::origin::{Found, Origin, Usual, nothing_in_words, only};
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses};
use crate::gpu::{
    Cover, FeatureMapBuffer, GpuContext, Join, MapStatistics, SaliencyPass, StatisticsBuffer, readback,
};
use crate::inspect::SaliencyView;
use crate::inspect::saliency::blur_width;
use crate::model::{LayerIndex, Method, Unit};
use crate::session::{Activations, Averaged, AveragedMap};
use crate::view::{Colormap, Normalize, Scale, number};

/// In keys, options and JSON.
pub const NAME: LensName = "saliency";

/// The command that steps through the rules.
pub const NEXT_RULE: &str = "next-rule";

/// The command that steps through the views.
pub const NEXT_VIEW: &str = "next-view";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift g"],
    help: "gradient over the picture: what made the selected channel answer",
    flag: Some(Flag {
        long: "saliency",
        takes: Takes::Several("RULE[,VIEW]"),
        help: "Lay the gradient of what --from names (default: the selected channel) over the picture: by gradient, \
               gradient-x-input, guided, deconv, smoothgrad or integrated; signed, magnitude, blurred or masked",
    }),
    more: &[
        More { name: NEXT_RULE, keys: &["shift r"], help: "next rule of gradients" },
        More { name: NEXT_VIEW, keys: &["shift v"], help: "next view of gradients" },
        More { name: "gradient", keys: &[], help: "gradients by the plain rule" },
        More { name: "gradient-x-input", keys: &[], help: "gradients × input" },
        More { name: "guided", keys: &[], help: "gradients by guided backpropagation" },
        More { name: "deconv", keys: &[], help: "gradients by deconvolution" },
        More {
            name: "smoothgrad",
            keys: &[],
            help: "gradients by SmoothGrad (of a frame that stands still)",
        },
        More { name: "integrated", keys: &[], help: "integrated gradients (of a frame that stands still)" },
        More { name: "signed", keys: &[], help: "gradients as signed colours" },
        More { name: "magnitude", keys: &[], help: "gradients without their sign" },
        More { name: "blurred", keys: &[], help: "gradients without their sign, blurred" },
        More { name: "masked", keys: &[], help: "the picture masked by the gradient" },
    ],
};

/// The layer whose values are given their part.
const PICTURE: LayerIndex = 0;

/// The lens.
pub struct Saliency;

/// How the gradient is coloured, whatever colours maps have: a few extreme pixels would take the whole range.
fn colors(look: &Look<'_>) -> (Scale, Colormap, Cover) {
    let scale = Scale { normalize: Normalize::Percentile, boost: 0.0, ..look.colors.scale };
    match look.lenses.tracing.view {
        SaliencyView::Signed => (scale, Colormap::Diverging, Cover::Strong),
        SaliencyView::Magnitude | SaliencyView::Blurred => (scale, look.colors.sequential(), Cover::Strong),
        SaliencyView::Masked => (scale, Colormap::Grey, Cover::Weak),
    }
}

/// What is known of the gradient: the unit's value, what came back, and how far a mean is.
struct Result<'a> {
    found: Found<'a>,
    averaged: Option<&'a AveragedMap>,
}

fn result<'a>(look: &Look<'_>, origin: &Origin, shown: &'a Activations) -> Option<Result<'a>> {
    let method = look.lenses.tracing.method;
    if method.passes() == 1 {
        let found = origin.found(shown, method.rule(), (PICTURE, method.form()))?;
        return Some(Result { found, averaged: None });
    }
    let asked = shown.request.averaged.as_ref()?;
    let averaged =
        shown.averaged.as_ref().filter(|_| asked.method == method && asked.from == origin.units)?;
    let found = Found { value: origin.value(shown, method.rule())?, tap: &averaged.tap };
    Some(Result { found, averaged: Some(averaged) })
}

impl OverlayLens for Saliency {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let Ok(origin) = Origin::of(look, Usual::Channel) else { return Needs::default() };
        let method = look.lenses.tracing.method;
        match method.passes() {
            1 => origin.needs(method.rule(), vec![(PICTURE, method.form())]),
            passes => Needs {
                averaged: Some(Averaged { method, from: origin.units.clone(), to: PICTURE, passes }),
                ..origin.needs(method.rule(), vec![])
            },
        }
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        Origin::of(look, Usual::Channel).err()
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work {
            pass: SaliencyPass::new(gpu),
            statistics: MapStatistics::new(gpu),
            shown: None,
            reach: None,
            waiting: None,
        })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        let tracing = &mut lenses.tracing;
        let is_on = lenses.over == Some(NAME);
        match command {
            // The first press shows what there is.
            NEXT_RULE | NEXT_VIEW if !is_on => {}
            NEXT_RULE => tracing.method = next(&Method::ALL, tracing.method),
            NEXT_VIEW => tracing.view = next(&SaliencyView::ALL, tracing.view),
            name => {
                let view = SaliencyView::ALL.into_iter().find(|view| view.name() == name);
                tracing.view = view.unwrap_or(tracing.view);
                tracing.method = name.parse().unwrap_or(tracing.method);
            }
        }
        lenses.over = Some(NAME);
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> std::result::Result<(), String> {
        let tracing = &mut choices.lenses.tracing;
        for value in values {
            match SaliencyView::ALL.into_iter().find(|view| view.name() == value) {
                Some(view) => tracing.view = view,
                None => {
                    tracing.method = value.parse().map_err(|error| {
                        format!("--saliency: {error}; signed, magnitude, blurred or masked may follow")
                    })?
                }
            }
        }
        choices.lenses.over = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        let tracing = &look.lenses.tracing;
        format!("--saliency {},{}", tracing.method, tracing.view.name())
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let tracing = &look.lenses.tracing;
        let mut more = Map::new();
        more.insert("rule".into(), tracing.method.name().into());
        more.insert("view".into(), tracing.view.name().into());
        let Ok(origin) = Origin::of(look, Usual::Channel) else { return more };
        more.insert("from".into(), origin.record(look));
        if let Some(result) = look.shown.and_then(|shown| result(look, &origin, shown)) {
            more.insert("value".into(), result.found.value.into());
            if let Some(averaged) = result.averaged {
                more.insert("passes".into(), averaged.done.into());
                if let Some((sum, change)) = completeness(averaged, result.found.value) {
                    more.insert("sum".into(), sum.into());
                    more.insert("change".into(), change.into());
                }
            }
        }
        more
    }
}

/// The one after this, from the start again behind the last.
fn next<T: Copy + PartialEq>(all: &[T], now: T) -> T {
    let place = all.iter().position(|one| *one == now).map_or(0, |place| (place + 1) % all.len());
    all[place]
}

/// What a map was computed for: results, units, method and view.
type Key = (u64, Vec<Unit>, Method, SaliencyView);

struct Work {
    pass: SaliencyPass,
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
    /// The value at the far end of the colours.
    reach: Option<(Key, f32)>,
    waiting: Option<(Key, readback::Pending)>,
}

impl Work {
    fn compute(&mut self, gpu: &GpuContext, look: &Look<'_>, gradient: &FeatureMapBuffer) -> Over {
        let size = [gradient.shape.height, gradient.shape.width];
        let view = look.lenses.tracing.view;
        let map = match view {
            SaliencyView::Signed => self.pass.join(gpu, gradient, Join::Sum),
            _ => self.pass.join(gpu, gradient, Join::Length),
        };
        let map = match view {
            SaliencyView::Signed | SaliencyView::Magnitude => map,
            SaliencyView::Blurred | SaliencyView::Masked => self.pass.blur(gpu, &map, blur_width(size)),
        };
        let (statistics, _) = self.statistics.run(gpu, &map, false);
        let told = self.pass.join(gpu, &map, Join::Told);
        let ranges = Some(self.statistics.reach(gpu, &told));
        let (scale, colormap, cover) = colors(look);
        let numbers = Some((format!("{} of the picture", look.lenses.tracing.method), gradient.clone()));
        Over { colormap: Some(colormap), cover, numbers, ..Over::even(map, statistics, ranges, scale) }
    }

    /// The far end of the colours of the newest map; that of the one before while it is on its way.
    fn reach(&mut self, gpu: &GpuContext, wait: bool) -> Option<f32> {
        self.collect(gpu, wait);
        if let Some((key, over)) = &self.shown
            && self.waiting.is_none()
            && self.reach.as_ref().is_none_or(|(known, _)| known != key)
        {
            let buffer = over.ranges.as_ref().unwrap_or(&over.statistics).buffer();
            let pending = readback::copy(gpu, &[(buffer, 0, StatisticsBuffer::ENTRY_BYTES)]);
            self.waiting = Some((key.clone(), pending));
            if wait {
                self.collect(gpu, wait);
            }
        }
        self.reach.as_ref().map(|(_, reach)| *reach)
    }

    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((key, pending)) = self.waiting.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let values: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
                let entry = StatisticsBuffer::decode(&values).first().copied().unwrap_or_default();
                self.reach = Some((key, entry.max));
            }
            Ok(None) => self.waiting = Some((key, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let shown = look.shown?;
        let origin = Origin::of(look, Usual::Channel).ok()?;
        let gradient = &result(look, &origin, shown)?.found.tap.map;
        let tracing = &look.lenses.tracing;
        let key = (shown.sequence, origin.units, tracing.method, tracing.view);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            self.shown = Some((key, self.compute(gpu, look, gradient)));
        }
        let (scale, colormap, cover) = colors(look);
        let (_, over) = self.shown.as_ref()?;
        Some(Over { scale, colormap: Some(colormap), cover, ..over.clone() })
    }

    fn legend(&mut self, gpu: &GpuContext, look: &Look<'_>, wait: bool) -> Vec<Line> {
        let (key, method) = (look.key(Action::Over(NAME)), look.lenses.tracing.method);
        let origin = match Origin::of(look, Usual::Channel) {
            Ok(origin) => origin,
            Err(reason) => return only(format!("No gradient ({key}): {reason}."), "gradient"),
        };
        let [rule, view] = [NEXT_RULE, NEXT_VIEW].map(|command| look.key(Action::OfLens(NAME, command)));
        let (faint, strong) = (look.key(Action::LessOpacity), look.key(Action::MoreOpacity));
        let chosen = format!(
            "{rule} next rule, {view} next view, {faint} fainter, {strong} stronger, {}.",
            Origin::keys_in_words(look)
        );
        let says = method.sentence();
        let Some(result) = look.shown.and_then(|shown| result(look, &origin, shown)) else {
            let title = format!("{} of {} ({key})", capital(method.title()), origin.titled(look));
            let text = match method.passes() {
                passes if passes > 1 && !look.is_still => {
                    let freeze = look.key(Action::ToggleFrozen);
                    let most = method.most_passes();
                    let passes = match most > passes {
                        true => format!("{passes} to {most}"),
                        false => passes.to_string(),
                    };
                    format!("{title} takes {passes} passes over one frame: freeze it with {freeze}.")
                }
                _ => format!("{title} is being computed."),
            };
            return vec![Line::Main(text, "gradient"), Line::quiet(says), Line::quiet(chosen)];
        };
        let mut title = format!(
            "{} of {} ({key}).",
            capital(method.title()),
            origin.with_value(look, result.found.value)
        );
        if let Some(AveragedMap { done, passes, .. }) = result.averaged.filter(|mean| mean.done < mean.passes)
        {
            title += &format!(" {done} of {passes} passes …");
        }
        let mut lines = vec![Line::Main(title, "gradient")];
        let view = look.lenses.tracing.view;
        if let Some(nothing) = nothing_in_words(result.found) {
            lines.push(Line::Main(format!("{}.", capital(nothing)), ""));
        } else if let Some(reach) = self.reach(gpu, wait) {
            let (scale, colormap, _) = colors(look);
            let range = scale.range((0.0, reach), (0.0, reach), colormap);
            lines.push(Line::bar(&range, colormap));
            let [low, high] = [range.low, range.high].map(number);
            let meaning = view.in_words("colours");
            lines.push(Line::quiet(format!(
                "from {low} to {high}, 1 % of what is not zero lies beyond: {meaning}"
            )));
        }
        let missed = result.averaged.and_then(|averaged| completeness(averaged, result.found.value));
        lines.extend(missed.map(|(sum, change)| Line::quiet(completeness_in_words(sum, change))));
        lines.push(Line::quiet(says));
        lines.push(Line::quiet(chosen));
        lines
    }

    fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

/// What all values of integrated gradients add up to, and what the picture changes in the units, which that should be.
fn completeness(averaged: &AveragedMap, value: f32) -> Option<(f32, f32)> {
    let cells = (averaged.tap.map.shape.height * averaged.tap.map.shape.width) as f64;
    let channels = averaged.tap.map.shape.channels;
    let means = averaged.tap.channel_statistics.iter().take(channels);
    let sum = means.map(|channel| f64::from(channel.mean) * f64::from(channel.finite) * cells).sum::<f64>();
    Some((sum as f32, value - averaged.without?))
}

/// `All add up to 6.9; the picture changes the units by 7.12 against a black one: 3 % are missing.`
fn completeness_in_words(sum: f32, change: f32) -> String {
    let [added, changed] = [sum, change].map(number);
    let off = (sum - change) / change;
    let gap = match off * 100.0 {
        _ if !off.is_finite() => String::new(),
        percent if percent.abs() < 0.5 => ": next to nothing is missing".into(),
        percent if percent < 0.0 => format!(": {:.0} % are missing", -percent),
        percent => format!(": {percent:.0} % too much"),
    };
    format!("All values add up to {added}; against black the picture changes the unit by {changed}{gap}.")
}

/// With a capital at the start of a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        assert!(completeness_in_words(6.9, 7.12).ends_with("by 7.12: 3 % are missing."));
        assert!(completeness_in_words(-1.0, -1.0).contains("next to nothing"));
        assert!(completeness_in_words(1.2, 1.0).contains("20 % too much"));
        assert!(completeness_in_words(1.0, 0.0).ends_with("by 0."));
    }

    #[test]
    fn rules_and_views_step_round_and_are_chosen_by_name() {
        let mut lenses = Lenses::default();
        let mut act = |command: &str| {
            Saliency.act(command, &mut lenses, 0);
            (lenses.tracing.method, lenses.tracing.view)
        };
        let first = (Method::Gradient, SaliencyView::Signed);
        assert_eq!(act(NEXT_RULE), first, "the first press shows it");
        assert_eq!(act(NEXT_RULE), (Method::TimesInput, SaliencyView::Signed));
        assert_eq!(act("integrated"), (Method::Integrated, SaliencyView::Signed));
        assert_eq!(act(NEXT_RULE), first);
        assert_eq!(act("masked"), (Method::Gradient, SaliencyView::Masked));
        assert_eq!(act(NEXT_VIEW), first);
        for more in ABOUT.more {
            let name = more.name;
            let is_view = SaliencyView::ALL.iter().any(|view| view.name() == name);
            assert!(
                is_view || name.parse::<Method>().is_ok() || [NEXT_RULE, NEXT_VIEW].contains(&name),
                "{name}"
            );
        }
        assert_eq!(ABOUT.more.len(), 2 + Method::ALL.len() + SaliencyView::ALL.len());
    }
}
