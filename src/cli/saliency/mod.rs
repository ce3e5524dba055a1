//! `convscope saliency`: what in a picture made units answer.

pub mod ask;
pub mod figure;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use self::ask::{Answered, Completeness, Question, Ruled, asks_for_class};
use self::figure::{Look, Row};
use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::names::output_path;
use super::pictures::{self, Picture};
use super::{network, output};
use crate::inspect::{Attributed, OriginInfo, SaliencyView, TraceOrigin};
use crate::model::labels::Label;
use crate::model::{Graph, Method, UnknownMethod};
use crate::record::{Provenance, save, tensors};

/// Go back from a unit of the network to the picture: what in it made the unit answer.
///
/// With several rules or pictures, -o is one sheet: columns are rules, rows are pictures. docs/saliency.md has what each rule
/// computes, where it was published, what it says and what it cannot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope saliency cat.jpg --from mixed5:312 --rule guided -o unit.png
  convscope saliency cat.jpg --from class:tabby-class:tiger_cat --rule gradient,smoothgrad,integrated -o cats.png
  convscope saliency holiday/ --from class:top --rule all --view masked -o sheet.png --json > numbers.json")]
pub struct SaliencyArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// The unit: LAYER:CHANNEL (its strongest cell), LAYER:CHANNEL@ROW,COLUMN, LAYER:CHANNEL@mean, class:NAME (or number) or
    /// class:top; several joined with + or -.
    #[arg(long, value_name = "UNIT", default_value = "class:top", allow_hyphen_values = true)]
    pub from: String,
    /// Rules, separated by commas: gradient, gradient-x-input, guided, deconv, smoothgrad, integrated, or all.
    #[arg(long, value_name = "RULES", default_value = "gradient")]
    pub rule: Rules,
    /// Back to this layer, by index or one of its names [default: the picture].
    #[arg(long, value_name = "LAYER")]
    pub to: Option<String>,
    /// How the gradient is shown.
    #[arg(long, value_enum, default_value_t)]
    pub view: SaliencyView,
    /// How often smoothgrad and integrated run the network [default: 25; and 50, 150 or 450, until what they find adds up to within
    /// 1 %].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub passes: Option<u32>,
    /// Of smoothgrad's noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The sheet, as PNG or SVG by the name's ending; of more than 24 pictures several, `sheet.png`, `sheet-2.png`, …
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The values: for each rule one `[1, channels, height, width]` f32 tensor of its name, in the shape of the network's input
    /// or of --to.
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Longer side of a tile in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 299, value_parser = clap::value_parser!(u32).range(64..=2048))]
    pub tile_size: u32,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Rules as typed, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules(pub Vec<Method>);

impl FromStr for Rules {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        if text.trim() == "all" {
            return Ok(Self(Method::ALL.into()));
        }
        let mut rules = vec![];
        for name in text.split(',') {
            let method = name.trim().parse()?;
            if !rules.contains(&method) {
                rules.push(method);
            }
        }
        Ok(Self(rules))
    }
}

/// Rows of one sheet: more would not be looked at, and take memory.
const MOST_ROWS: usize = 24;

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    pictures: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    origin: OriginInfo,
    /// The units' weighted sum.
    value: f32,
    to: Target,
    /// Values of layers kept for the way back.
    kept_bytes: usize,
    rules: Vec<ToldRule>,
}

#[derive(Serialize)]
struct Target {
    index: usize,
    name: String,
    /// Channels, height and width.
    shape: [usize; 3],
}

#[derive(Serialize)]
struct ToldRule {
    rule: &'static str,
    title: &'static str,
    sentence: &'static str,
    published: &'static str,
    passes: usize,
    /// Of the noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// True where nothing comes back, and the unit is 0.
    silent: bool,
    equals_gradient: bool,
    #[serde(flatten)]
    told: Attributed,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<Completeness>,
}

pub fn run(args: &SaliencyArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.safetensors.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --safetensors FILE or --json for the numbers");
    }
    let model = network::open(&args.network)?;
    let (graph, labels) = (model.graph.clone(), model.labels.clone());
    let origin = TraceOrigin::parse(&args.from, &graph, &labels)?;
    if asks_for_class(&origin) {
        network::check_trained(&model)?;
    }
    let to = args.to.as_deref().map_or(Ok(0), |name| graph.find(name.trim()))?;
    let question = Question {
        origin,
        to,
        methods: args.rule.0.clone(),
        passes: args.passes.map(|passes| passes as usize),
        seed: args.seed,
    };
    question.check(&graph, &labels)?;
    let single = pictures::is_single(&args.pictures);
    let existing = args.files.existing();
    output::check_figure(args.output.as_deref(), true, existing)?;
    output::check_output(args.safetensors.as_deref(), single, existing)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let how = args.pictures.preprocess.preprocessing();
    let mut document = Document { provenance: network::provenance(&engine, how), pictures: vec![] };
    let look = Look {
        graph: &graph,
        labels: &labels,
        question: &question,
        view: args.view,
        tile_side: args.tile_size,
        network: model.spec.title(),
    };
    let (mut rows, mut sheets, mut noted) = (vec![], 0, false);
    let mut finish = |rows: &mut Vec<Row>| -> anyhow::Result<()> {
        let Some(path) = args.output.as_ref().filter(|_| !rows.is_empty()) else { return Ok(()) };
        sheets += 1;
        let path = output_path(path, sheets == 1, &sheets.to_string());
        output::save_figure(&look.draw(rows)?, &path, existing)?;
        rows.clear();
        output::wrote_beside(&path, args.json)
    };
    let outcome = pictures::for_each(&args.pictures, &mut |picture| {
        let answered = ask(&question, &mut engine, &picture, how, single)?;
        if !std::mem::replace(&mut noted, true) {
            note_what_is_the_same(&answered);
        }
        note_what_is_missing(&picture.title(), &answered);
        if let Some(path) = &args.safetensors {
            let path = output_path(path, single, &picture.stem);
            save(&path, &tensors(named(&answered))?, existing)?;
            output::wrote_beside(&path, args.json)?;
        }
        if args.json {
            document.pictures.push(told(&picture, &answered, &question, &graph, &labels));
        }
        if args.output.is_some() {
            let seen = output::seen_picture(&picture.frame, how, graph.input_shape());
            rows.push(Row { name: picture.title(), seen, answered });
        }
        if rows.len() == MOST_ROWS { finish(&mut rows) } else { Ok(()) }
    });
    // What was asked of pictures before an error is kept.
    finish(&mut rows)?;
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// With a progress bar where rules run the network many times.
pub fn ask(
    question: &Question,
    engine: &mut crate::engine::Engine,
    picture: &Picture,
    how: crate::gpu::Preprocessing,
    is_shown: bool,
) -> anyhow::Result<Answered> {
    let bar = if is_shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} runs · {eta} left") {
        bar.set_style(style);
    }
    let answered = question.ask(engine, &picture.frame, how, &mut |method, done, all| {
        bar.set_message(method.title());
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    answered
}

fn note_what_is_the_same(answered: &Answered) {
    let same = answered.rules.iter().filter(|ruled| ruled.equals_gradient);
    let same: Vec<_> = same.map(|ruled| ruled.method.title()).collect();
    if !same.is_empty() {
        let verb = if same.len() == 1 { "is" } else { "are" };
        eprintln!("note: there is no ReLU on the way, so {} {verb} the gradient", same.join(" and "));
    }
}

/// Part of the change by which integrated gradients may miss it without a note.
const MOST_GAP: f64 = 0.01;

fn note_what_is_missing(picture: &str, answered: &Answered) {
    for ruled in &answered.rules {
        let gap = ruled.completeness.and_then(|completeness| completeness.relative_gap);
        if let Some(gap) = gap.filter(|gap| gap.abs() > MOST_GAP) {
            eprintln!(
                "note: {picture}: integrated gradients miss what the picture changes by {:.1} %: with more --passes than {} \
                 they come nearer",
                gap.abs() * 100.0,
                ruled.passes
            );
        }
    }
}

/// The values of each rule, for a file.
pub fn named(answered: &Answered) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let tensor = |ruled: &Ruled| {
        let [channels, height, width] = ruled.output.shape.sides();
        (ruled.method.name().to_string(), vec![1, channels, height, width], ruled.output.values.clone())
    };
    answered.rules.iter().map(tensor).collect()
}

fn told(picture: &Picture, answered: &Answered, asked: &Question, graph: &Graph, labels: &[Label]) -> Told {
    let rule = |ruled: &Ruled| ToldRule {
        rule: ruled.method.name(),
        title: ruled.method.title(),
        sentence: ruled.method.sentence(),
        published: ruled.method.source(),
        passes: ruled.passes,
        seed: (ruled.method == Method::SmoothGrad).then_some(asked.seed),
        silent: ruled.told.is_nothing() && answered.value == 0.0,
        equals_gradient: ruled.equals_gradient,
        told: ruled.told,
        completeness: ruled.completeness,
    };
    let node = &graph.nodes[asked.to];
    Told {
        picture: picture.frame.name.to_string(),
        source: picture.source.clone(),
        frame: picture.frame.id,
        origin: answered.origin.info(graph, labels),
        value: answered.value,
        to: Target { index: asked.to, name: node.name.clone(), shape: node.shape.sides() },
        kept_bytes: answered.bytes,
        rules: answered.rules.iter().map(rule).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_named_once_each() {
        let of = |text: &str| text.parse::<Rules>().map(|rules| rules.0).map_err(|error| error.to_string());
        assert_eq!(of("guided, gradient,guided"), Ok(vec![Method::Guided, Method::Gradient]));
        assert_eq!(of("all").unwrap().len(), 6);
        assert!(of("guided,lrp").unwrap_err().contains("no rule `lrp`"));
    }
}
