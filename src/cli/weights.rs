//! `convscope weights`: known weight files, their download, and what a file is.

mod info;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output;
use super::output::INTERRUPTED;
use crate::weights::fetch::{FetchError, FetchOptions, Progress, Rate, Step, fetch, path_of, verify};
use crate::weights::manifest::{Checksum, Entry, LabelSet, Manifest};

/// Known weight files: list them, fetch them, check a file, say what is in one.
#[derive(Args, Debug)]
pub struct WeightsArgs {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
enum WeightsCommand {
    /// List the weight files that are known, and which of them are on this machine.
    ///
    /// The variable CONVSCOPE_MANIFEST names another list, of a lab's own files (models/manifest.toml shows how).
    #[command(after_help = "Example: convscope weights list")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    Fetch(FetchArgs),
    /// Check whether a file is, to the byte, one of the known ones.
    #[command(after_help = "Example: convscope weights verify inception_v3_google-0cc3c7bd.pth")]
    Verify {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    Info(info::InfoArgs),
}

/// Fetch a known weight file into the cache, or check the one that is there.
///
/// A download that broke is gone on with. A file appears under its name only when it is whole and its checksum is
/// right. The cache is the platform's folder for caches, or what the variable CONVSCOPE_CACHE names.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  convscope weights fetch
  convscope weights fetch torchvision --mirror https://mirror.lab/weights
  convscope weights fetch keras --mirror /media/stick")]
struct FetchArgs {
    /// Which one; `convscope weights list` shows the names [default: the first].
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// In place of the publisher's address: a URL of a folder with the file, or a folder or file of this machine
    /// [default: what the variable CONVSCOPE_MIRROR names].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// PEM file with the authority to trust, where a network inspects connections [default: what the variable
    /// CONVSCOPE_CERTIFICATE names].
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Folder of the cache.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

pub fn run(args: &WeightsArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        WeightsCommand::List { json } => list(*json),
        WeightsCommand::Fetch(args) => fetch_one(args),
        WeightsCommand::Verify { file } => verify_one(file),
        WeightsCommand::Info(args) => info::run(args),
    }
}

#[derive(Serialize)]
struct Listed {
    name: String,
    about: String,
    url: String,
    bytes: Option<u64>,
    layout: &'static str,
    avg_pool: &'static str,
    input_scale: String,
    reproduces: String,
    labels: &'static str,
    licence: String,
    sources: Vec<String>,
    /// Where it is, or would be.
    path: PathBuf,
    fetched: bool,
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    let options = FetchOptions::from_environment();
    let listed = |entry: Entry| -> anyhow::Result<Listed> {
        let path = path_of(&entry, &options)?;
        Ok(Listed {
            fetched: path.is_file(),
            name: entry.name,
            about: entry.about,
            url: entry.url,
            bytes: entry.size,
            layout: entry.layout.name(),
            avg_pool: entry.average_pooling.name(),
            input_scale: entry.input.name(),
            reproduces: entry.reproduces,
            labels: match entry.labels {
                LabelSet::Imagenet1k => "imagenet-1k",
            },
            licence: entry.licence,
            sources: entry.sources,
            path,
        })
    };
    let all: Vec<_> = Manifest::current()?.entries.into_iter().map(listed).collect::<Result<_, _>>()?;
    if json {
        output::print(&(serde_json::to_string_pretty(&all)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = String::new();
    for file in all {
        let size = file
            .bytes
            .map_or("size not published".into(), |bytes| format!("{:.1} MB", output::megabytes(bytes)));
        let state = match file.fetched {
            true => format!("here: {}", file.path.display()),
            false => format!("not here: convscope weights fetch {}", file.name),
        };
        out += &format!(
            "{}\n  {}\n  {size} · {} · licence {} · average pooling as in {}\n  {}\n  {state}\n",
            file.name, file.about, file.layout, file.licence, file.reproduces, file.url
        );
    }
    output::print(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn fetch_one(args: &FetchArgs) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::current()?;
    let entry = match &args.name {
        Some(name) => manifest.find(name)?,
        None => manifest.entries.first().ok_or_else(|| anyhow!("the list of weight files is empty"))?,
    };
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = cancel.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let environment = FetchOptions::from_environment();
    let options = FetchOptions {
        cache: args.cache.clone(),
        mirror: args.mirror.clone().or(environment.mirror),
        authority: args.certificate.clone().or(environment.authority),
        cancel: Some(cancel),
        ..FetchOptions::default()
    };
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg}\n{wide_bar}")?);
    let (mut rate, mut transferred) = (Rate::default(), false);
    let mut progress = |progress: Progress| {
        rate.observe(progress.bytes, std::time::Instant::now());
        transferred |= progress.step == Step::Transferring;
        bar.set_length(progress.total.unwrap_or(0));
        bar.set_position(progress.bytes);
        bar.set_message(format!("{}: {}", entry.name, progress.in_words(&rate)));
    };
    let outcome = fetch(entry, &options, &mut progress);
    bar.finish_and_clear();
    let path = match outcome {
        Ok(path) => path,
        Err(FetchError::Cancelled) => {
            eprintln!("convscope: called off; what has come is kept, and the next fetch goes on from there");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error.into()),
    };
    let how = if transferred { "fetched and checked" } else { "was here already, checked" };
    eprintln!("convscope: {} {how}; `--weights {}` uses it", entry.name, entry.name);
    output::wrote(&path)?;
    Ok(ExitCode::SUCCESS)
}

fn verify_one(file: &Path) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::current()?;
    // A file that has the name of a known one is held to that; any other may be any of them.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if let Some(entry) = manifest.entries.iter().find(|entry| entry.file == name) {
        let verified = verify(file, entry)?;
        output::print(&verdict(file, entry, verified.published, verified.recorded, &verified.sha256))?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in manifest.entries.iter().filter(|entry| entry.checksum.is_some()) {
        match verify(file, entry) {
            Ok(verified) => {
                output::print(&verdict(file, entry, true, verified.recorded, &verified.sha256))?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(error @ FetchError::Disk { .. }) => return Err(error.into()),
            Err(_) => {}
        }
    }
    bail!(
        "{}: none of the known weight files, to the byte; `convscope weights info` says what is in it, `convscope \
         weights list` which ones are known",
        file.display()
    )
}

fn verdict(file: &Path, entry: &Entry, published: bool, recorded: bool, sha256: &str) -> String {
    let file = file.display();
    let by = match &entry.checksum {
        Some(Checksum::Sha256(_)) => "its SHA-256 is the published one",
        Some(Checksum::Md5(_)) => "its MD5 is the published one",
        Some(Checksum::Sha256Prefix(_)) => "its SHA-256 begins as published",
        None => "no checksum is published for it",
    };
    let seen = match (recorded, published) {
        (true, _) => " and it is what it was when first seen",
        (false, true) => "",
        (false, false) => ", nor was it noted when it was first seen, so only its size could be checked",
    };
    format!("{file}: {} ({by}{seen})\nsha256 {sha256}\n", entry.name)
}
