//! Which file of a crate needs which, and for what names; and the circles among them.
//!
//! A name belongs to the file that defines it, however many files hand it on; `mod child;` and `pub use child::Name`
//! alone need nothing. Only paths are seen: not methods and fields, nor paths that a macro puts together.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::slice;

use super::tokens::tokens;

/// File → files it needs → the names it needs of each.
pub type Needs = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Which of these files (path below `src`, text) needs which.
///
/// # Panics
/// Where a path into the crate leads to nothing that a file defines: what cannot be found cannot be judged.
pub fn needs(files: &[(String, String)]) -> Needs {
    let modules = files.iter().map(|(name, text)| (module_of(name), Module::read(name, text)));
    let sources = Sources(modules.collect());
    sources.0.iter().map(|(at, module)| (module.file.clone(), sources.needs_of(at))).collect()
}

/// All groups of files that need each other.
pub fn circles(needs: &Needs) -> Vec<Vec<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        needs.keys().map(|file| (file.as_str(), reached_from(needs, file))).collect();
    let circle_of = |file: &str| -> Vec<&str> {
        reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
    };
    let found: BTreeSet<_> = reached.keys().map(|file| circle_of(file)).collect();
    found.into_iter().filter(|circle| !circle.is_empty()).collect()
}

/// What a file needs, directly or through others.
fn reached_from<'a>(needs: &'a Needs, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        open.extend(needs[file].keys().map(String::as_str).filter(|needed| reached.insert(*needed)));
    }
    reached
}

/// What ties a circle: `a.rs -> b.rs (Name, other), b.rs -> a.rs (Third)`.
pub fn told(needs: &Needs, circle: &[&str]) -> String {
    let mut ties = Vec::new();
    for file in circle {
        for (needed, names) in needs[*file].iter().filter(|(needed, _)| circle.contains(&needed.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            ties.push(format!("{file} -> {needed} ({})", names.join(", ")));
        }
    }
    ties.join(", ")
}

type Path = Vec<String>;

/// `a/b.rs` and `a/b/mod.rs` → `[a, b]`.
fn module_of(file: &str) -> Path {
    let mut parts: Path = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|part| part == "mod" || part == "lib") {
        parts.pop();
    }
    parts
}

/// A leaf of a `use` tree.
struct Import {
    path: Path,
    /// What it is called here; `*` for all that is in there.
    name: String,
    is_public: bool,
}

/// One file.
#[derive(Default)]
struct Module {
    file: String,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths of two names or more outside of `use`.
    paths: BTreeSet<Path>,
    /// All names outside of `use` and `mod`: what is handed on and not among them is not used here.
    words: BTreeSet<String>,
}

impl Module {
    fn read(file: &str, text: &str) -> Self {
        let mut module = Self { file: file.into(), ..Self::default() };
        let tokens = tokens(text);
        let (mut before, mut depth, mut path) = ("", 0, Path::new());
        let mut at = 0;
        while at < tokens.len() {
            let token = tokens[at];
            let next = |ahead: usize| tokens.get(at + ahead).copied().unwrap_or("");
            let end = |sign: &str| tokens[at..].iter().position(|token| *token == sign).unwrap_or(0);
            let mut taken = 1;
            match token {
                // `impl Trait + use<'a>` is something else.
                "use" if next(1) != "<" => {
                    taken = end(";");
                    let mut tree = tokens[at + 1..at + taken].iter().copied().peekable();
                    module.read_tree(&mut tree, Path::new(), matches!(before, "pub" | ")"));
                }
                "mod" if next(2) == ";" => taken = 2,
                "mod" => panic!("{file}: `mod {}` is not in a file of its own", next(1)),
                // `pub(in crate::weights)` needs nothing.
                "in" if before == "(" => taken = end(")"),
                "macro_rules" => _ = module.defined.insert(next(2).into()),
                "struct" | "enum" | "trait" | "type" | "fn" | "const" | "static" if depth == 0 => {
                    module.defined.insert(next(1).into());
                }
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                name if before != "." && name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    if before != "::" {
                        path.clear();
                    }
                    path.push(name.into());
                    module.words.insert(name.into());
                    if path.len() > 1 && next(1) != "::" {
                        module.paths.insert(path.clone());
                    }
                }
                _ => {}
            }
            before = token;
            at += taken;
        }
        module
    }

    /// Reads a `use` tree behind `prefix`.
    fn read_tree<'a>(
        &mut self,
        tokens: &mut Peekable<impl Iterator<Item = &'a str>>,
        prefix: Path,
        is_public: bool,
    ) {
        let mut path = prefix;
        while let Some(token) = tokens.next() {
            match token {
                "::" => continue,
                "{" => {
                    while tokens.next_if_eq(&"}").is_none() && tokens.peek().is_some() {
                        self.read_tree(tokens, path.clone(), is_public);
                        tokens.next_if_eq(&",");
                    }
                    return;
                }
                "*" => return self.imports.push(Import { path, name: "*".into(), is_public }),
                // `a::{self}` is `a`.
                "self" if !path.is_empty() => {}
                name => path.push(name.into()),
            }
            if tokens.peek() != Some(&"::") {
                let renamed = tokens.next_if_eq(&"as").and_then(|_| tokens.next()).map(str::to_owned);
                let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
                return self.imports.push(Import { path, name, is_public });
            }
        }
    }
}

/// Longest way from a name to its definition that is followed: two files can hand on all names of each other.
const HOPS: usize = 8;

/// A module, or a name that it defines.
type Place = (Path, Option<String>);

/// All files, each with the module that it is.
struct Sources(BTreeMap<Path, Module>);

impl Sources {
    /// The files that one needs, and the names.
    fn needs_of(&self, at: &Path) -> BTreeMap<String, BTreeSet<String>> {
        let module = &self.0[at];
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut paths = module.paths.clone();
        for import in &module.imports {
            let names: Vec<&String> = match self.find(at, &import.path, HOPS) {
                Some((source, None)) if import.name == "*" => self.0[&source].names().collect(),
                _ => vec![],
            };
            let used = names.into_iter().filter(|name| module.words.contains(*name));
            paths.extend(used.map(|name| [&import.path[..], slice::from_ref(name)].concat()));
            if !import.is_public || module.words.contains(&import.name) {
                paths.insert(import.path.clone());
            }
        }
        for path in paths {
            match self.find(at, &path, HOPS) {
                // A module alone: paths through it are found themselves.
                Some((_, None)) => {}
                Some((source, Some(name))) if source != *at => {
                    needs.entry(self.0[&source].file.clone()).or_default().insert(name);
                }
                Some(_) => {}
                None => {
                    let is_own = matches!(path[0].as_str(), "crate" | "super" | "self");
                    assert!(!is_own, "{}: no file defines {}", module.file, path.join("::"));
                }
            }
        }
        needs
    }

    /// What a path leads to that stands in the module `from`; `None` where it leads out of the crate.
    fn find(&self, from: &Path, path: &[String], hops: usize) -> Option<Place> {
        let hops = hops.checked_sub(1)?;
        let mut module = from.clone();
        for (index, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => _ = module.pop()?,
                name => match self.member(&module, name, index + 1 == path.len(), hops)? {
                    (inner, None) => module = inner,
                    item => return Some(item),
                },
            }
        }
        Some((module, None))
    }

    /// What a module calls by this name. A function may be called like a module: it is meant at the end of a path.
    fn member(&self, module: &Path, name: &str, is_last: bool, hops: usize) -> Option<Place> {
        let child = [&module[..], &[name.to_owned()]].concat();
        let child = self.0.contains_key(&child).then_some((child, None));
        if child.is_some() && !is_last {
            return child;
        }
        let Some(source) = self.0.get(module) else { return child };
        if source.defined.contains(name) {
            return Some((module.clone(), Some(name.into())));
        }
        let named = source.imports.iter().filter(|import| import.name == name);
        let imported = || named.filter_map(|import| self.find(module, &import.path, hops)).next();
        let globs = source.imports.iter().filter(|import| import.name == "*");
        let in_glob = |import: &Import| match self.find(module, &import.path, hops)? {
            (inner, None) if inner != *module => self.member(&inner, name, is_last, hops),
            _ => None,
        };
        imported().or(child).or_else(|| globs.filter_map(in_glob).next())
    }
}

impl Module {
    /// All names that the file defines or hands on.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.defined.iter().chain(self.imports.iter().map(|import| &import.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs_of(files: &[(&str, &str)]) -> Needs {
        let files: Vec<_> = files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        needs(&files)
    }

    /// The circles among these files, in words.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let needs = needs_of(files);
        circles(&needs).iter().map(|circle| told(&needs, circle)).collect()
    }

    #[test]
    fn a_circle_is_found_and_told() {
        let state = "use super::arrange::Arranged; pub struct AppState { arranged: Arranged }";
        let arrange = "use super::state; pub struct Arranged; fn of(state: &state::AppState) {}";
        let files = [
            ("lib.rs", "pub mod app; fn main() { app::state::run() }"),
            ("app/mod.rs", "mod arrange; mod state;"),
            ("app/state.rs", state),
            ("app/arrange.rs", arrange),
        ];
        let expected = "app/arrange.rs -> app/state.rs (AppState), app/state.rs -> app/arrange.rs (Arranged)";
        assert_eq!(found(&files[1..]), [expected]);
        // Who needs a circle is not in it.
        let files =
            [&[("lib.rs", "pub mod app; fn main(_: crate::app::state::AppState) {}")], &files[1..]].concat();
        assert_eq!(found(&files), [expected]);
    }

    #[test]
    fn circles_of_three_and_two_are_apart() {
        let files = [
            ("a.rs", "fn a() { crate::b::b(); }"),
            ("b.rs", "fn b() { crate::c::c() + crate::x::x() }"),
            ("c.rs", "use crate::a; fn c() { a::a() }"),
            ("x.rs", "fn x() { super::y::y() }"),
            ("y.rs", "use crate::x::{self, x as other}; fn y() { other(); x::x() }"),
        ];
        let expected =
            ["a.rs -> b.rs (b), b.rs -> c.rs (c), c.rs -> a.rs (a)", "x.rs -> y.rs (y), y.rs -> x.rs (x)"];
        assert_eq!(found(&files), expected);
    }

    #[test]
    fn a_facade_is_no_circle() {
        let facade = "mod child; mod other; pub use child::{Child, make}; pub(super) use other::Other;";
        let child = "use super::Other; pub struct Child(Other); pub fn make() {}";
        let other = "pub struct Other;";
        let files = [("a/mod.rs", facade), ("a/child.rs", child), ("a/other.rs", other)];
        assert_eq!(found(&files), [""; 0]);
        // The same as `a.rs` beside the folder.
        assert_eq!(found(&[("a.rs", facade), files[1], files[2]]), [""; 0]);
        // What is handed on and used is needed.
        let user = format!("{facade} pub fn whole(child: Child) {{}}");
        let child = "use super::whole; pub struct Child; pub fn make() { whole() }";
        let tie = "a/child.rs -> a/mod.rs (whole), a/mod.rs -> a/child.rs (Child)";
        assert_eq!(found(&[("a/mod.rs", &user), ("a/child.rs", child), files[2]]), [tie]);
        // Through two facades, under another name.
        let files = [
            ("lib.rs", "pub mod a; pub mod b; pub use a::Renamed;"),
            ("a/mod.rs", "mod deep; pub use deep::Deep as Renamed;"),
            ("a/deep.rs", "pub struct Deep; fn f(_: crate::b::B) {}"),
            ("b.rs", "use crate::Renamed; pub struct B;"),
        ];
        assert_eq!(found(&files), ["a/deep.rs -> b.rs (B), b.rs -> a/deep.rs (Deep)"]);
    }

    #[test]
    fn use_trees_are_read_whole() {
        let tree = "
            use crate::{
                a::{self, One, inner::{Two as _, Three as Drei, *}},
                b::four, // crate::b::seven
            };
            fn f(_: Five) -> impl Sized + use<> { a::six() }
            #[cfg(test)]
            mod tests { use crate::b::eight; }
        ";
        let files = [
            ("c.rs", tree),
            ("a/mod.rs", "pub mod inner; pub struct One; pub fn six() {}"),
            ("a/inner.rs", "pub struct Two; pub struct Three; pub struct Five; pub struct Unused;"),
            ("b.rs", "pub fn four() {} pub fn seven() {} pub fn eight() {}"),
        ];
        let needs = needs_of(&files);
        let names = |file: &str| needs["c.rs"][file].iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(names("a/mod.rs"), "One six");
        assert_eq!(names("a/inner.rs"), "Five Three Two");
        assert_eq!(names("b.rs"), "four");
        assert_eq!(needs["c.rs"].len(), 3);
    }

    #[test]
    fn paths_go_up_and_through_what_others_import() {
        let files = [
            (
                "a/mod.rs",
                "mod b; use crate::far::Far; pub(in crate::far) struct Own; macro_rules! list { () => {} }",
            ),
            ("a/b/mod.rs", "mod c;"),
            (
                "a/b/c.rs",
                "fn f(_: super::super::Own, far: super::super::Far) { super::super::list!(); far.own(0..self::N) } const N: u8 = 1;",
            ),
            ("far.rs", "pub enum Far { Near } fn near() -> Far { self::Far::Near }"),
        ];
        let needs = needs_of(&files);
        let all: Vec<_> = needs["a/b/c.rs"]
            .iter()
            .flat_map(|(file, names)| names.iter().map(move |name| (&file[..], &name[..])))
            .collect();
        assert_eq!(all, [("a/mod.rs", "Own"), ("a/mod.rs", "list"), ("far.rs", "Far")]);
        assert!(needs["far.rs"].is_empty());
    }

    #[test]
    #[should_panic(expected = "b.rs: no file defines crate::a::Lost")]
    fn a_path_that_leads_nowhere_is_told() {
        needs_of(&[("a.rs", "pub struct Found;"), ("b.rs", "use crate::a::{Found, Lost};")]);
    }
}
