//! `convscope merge`: what the parts of a run have found becomes what the whole run would have.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::args::ReportArgs;
use super::best::BestChoices;
use super::diagnose::{DIAGNOSE, DiagnoseChoices, DiagnosisPart};
use super::share::{Progress, Shard, check_whole};
use super::{events, output};
use crate::record::best::{BEST, BestPart};

/// Join the parts that `best` and `diagnose` have written with --shard I/N --part FILE, into exactly what one run would have
/// written.
///
/// All N parts are needed, in any order. docs/best.md shows how they are made on several cores or machines.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope merge parts/*.part -o sheet.png --html best.html
  convscope merge parts/*.part --json > diagnosis.json")]
pub struct MergeArgs {
    /// All parts of a run.
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub best: BestChoices,
    #[command(flatten)]
    pub diagnose: DiagnoseChoices,
}

/// What every part has.
#[derive(Deserialize)]
struct Head {
    part: String,
    progress: Progress,
}

pub fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    let heads: Vec<Head> = args.parts.iter().map(|path| read(path)).collect::<anyhow::Result<_>>()?;
    let shards: Vec<(&PathBuf, Shard)> =
        args.parts.iter().zip(&heads).map(|(path, head)| (path, head.progress.shard)).collect();
    check_whole(&shards)?;
    let Some(Head { part, .. }) = heads.first() else { bail!("there is no part") };
    if let Some((path, other)) = args.parts.iter().zip(&heads).find(|(_, head)| head.part != *part) {
        bail!(
            "{} is a part of `{part}`, {} one of `{}`: join each run by itself",
            args.parts[0].display(),
            path.display(),
            other.part
        );
    }
    let tally = match part.as_str() {
        BEST if args.diagnose.is_said() => bail!(
            "these are parts of `best`: --solid, --copy, --duplicate and --tensorboard are for parts of `diagnose`"
        ),
        DIAGNOSE if args.best.is_said() => {
            bail!("these are parts of `diagnose`: -o, --channels and --weakest are for parts of `best`")
        }
        BEST => {
            args.best.check(&args.report)?;
            let whole: BestPart<Progress> = joined(&args.parts, |whole: &mut BestPart<Progress>, other| {
                if !other.is_alike(whole) {
                    bail!(
                        "they are parts of different runs: network, layer, pictures and how they are read must be the same"
                    );
                }
                whole.progress.tally.join(other.progress.tally);
                whole.join(other);
                Ok(())
            })?;
            args.best.write(&args.report, &whole, whole.progress.tally.pictures, &AtomicBool::new(false))?;
            whole.progress.tally
        }
        DIAGNOSE => {
            output::check_output(args.report.html.as_deref(), true, args.report.files.existing())?;
            let mut events = events::open(args.diagnose.tensorboard.as_deref(), "diagnose")?;
            let whole = joined(&args.parts, DiagnosisPart::join)?;
            if !whole.is_sound() {
                bail!("{}: the part is damaged: make it anew", args.parts[0].display());
            }
            args.diagnose.write(&args.report, &whole, events.as_mut())?;
            events::close(events)?;
            whole.progress.tally
        }
        other => bail!("{}: a part of `{other}`, which this version does not know", args.parts[0].display()),
    };
    tally.trouble().map_or(Ok(ExitCode::SUCCESS), |trouble| Err(anyhow!(trouble)))
}

/// All parts in one; one after the other is in memory.
fn joined<T: DeserializeOwned>(
    paths: &[PathBuf],
    mut join: impl FnMut(&mut T, T) -> anyhow::Result<()>,
) -> anyhow::Result<T> {
    let Some((first, others)) = paths.split_first() else { bail!("there is no part") };
    let mut whole: T = read(first)?;
    for path in others {
        join(&mut whole, read(path)?).map_err(|reason| {
            anyhow!("{} and {} cannot be joined: {reason}", first.display(), path.display())
        })?;
    }
    Ok(whole)
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes =
        std::fs::read(path).map_err(|error| anyhow!("{}: cannot be read: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        anyhow!(
            "{}: not a part of a run ({error}); `best` and `diagnose` write parts with --part FILE",
            path.display()
        )
    })
}
