//! `convscope merge`: what the parts of a run have found becomes what the whole run would have.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{anyhow, bail};
use clap::Args;

use super::best::BestOutputArgs;
use super::share::{Progress, Tally, check_whole};
use crate::record::best::BestPart;

/// Join the parts that `best --shard I/N --part FILE` has written into exactly what one run would have written.
///
/// All N parts are needed, in any order. docs/best.md shows how they are made on several cores or machines.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope merge parts/*.part -o sheet.png --html best.html
  convscope merge parts/*.part --channels 0..16 --json > best.json")]
pub struct MergeArgs {
    /// All parts of a run.
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,
    #[command(flatten)]
    pub written: BestOutputArgs,
}

pub fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    args.written.check()?;
    let parts: Vec<_> = args.parts.iter().map(read).collect::<anyhow::Result<_>>()?;
    let shards = args.parts.iter().zip(&parts).map(|(path, part)| (path, part.progress.shard));
    check_whole(&shards.collect::<Vec<_>>())?;
    let mut parts = args.parts.iter().zip(parts);
    let Some((first, mut whole)) = parts.next() else { bail!("there is no part") };
    let mut tally: Tally = whole.progress.tally;
    for (path, part) in parts {
        if !part.is_alike(&whole) {
            bail!(
                "{} and {} are parts of different runs: network, layer, pictures and how they are read must be the same",
                first.display(),
                path.display()
            );
        }
        tally.join(part.progress.tally);
        whole.join(part);
    }
    args.written.write(&whole, tally.pictures, &AtomicBool::new(false))?;
    tally.trouble().map_or(Ok(ExitCode::SUCCESS), |trouble| Err(anyhow!(trouble)))
}

fn read(path: &PathBuf) -> anyhow::Result<BestPart<Progress>> {
    let bytes =
        std::fs::read(path).map_err(|error| anyhow!("{}: cannot be read: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        anyhow!("{}: not a part of a run ({error}): `--part FILE` of best writes one", path.display())
    })
}
