//! Where the platform has a program's own folders.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// A kind of folder: the variable that names it for convscope alone, and where each platform has it (XDG Base Directory
/// Specification).
struct Kind {
    own: &'static str,
    /// On macOS, in the home folder.
    mac: &'static str,
    /// A variable of Windows.
    windows: &'static str,
    /// A variable of the specification, and what stands for it in the home folder.
    xdg: (&'static str, &'static str),
}

const CACHE: Kind = Kind {
    own: "CONVSCOPE_CACHE",
    mac: "Library/Caches",
    windows: "LOCALAPPDATA",
    xdg: ("XDG_CACHE_HOME", ".cache"),
};

const SETTINGS: Kind = Kind {
    own: "CONVSCOPE_CONFIG",
    mac: "Library/Application Support",
    windows: "APPDATA",
    xdg: ("XDG_CONFIG_HOME", ".config"),
};

/// What can be made again: `CONVSCOPE_CACHE`, or `convscope` where the platform has caches. It need not exist; `None` where
/// there is no home folder either.
pub fn cache() -> Option<PathBuf> {
    CACHE.folder(|name| env::var_os(name), env::home_dir())
}

/// What the user chose: `CONVSCOPE_CONFIG`, or `convscope` where the platform has settings. It need not exist; `None` where
/// there is no home folder either.
pub fn settings() -> Option<PathBuf> {
    SETTINGS.folder(|name| env::var_os(name), env::home_dir())
}

impl Kind {
    fn folder(&self, variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(own) = set(self.own) {
            return Some(own);
        }
        let all = if cfg!(target_os = "macos") {
            home?.join(self.mac)
        } else if cfg!(windows) {
            set(self.windows)?
        } else {
            let (name, usual) = self.xdg;
            // The specification has relative paths ignored.
            set(name).filter(|path| path.is_absolute()).or(Some(home?.join(usual)))?
        };
        Some(all.join("convscope"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_are_where_the_user_or_the_platform_says() {
        let look = |kind: Kind, pairs: &'static [(&str, &str)]| {
            kind.folder(
                |name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into()),
                Some("/home/ada".into()),
            )
        };
        assert_eq!(look(CACHE, &[]), Some("/home/ada/.cache/convscope".into()));
        assert_eq!(look(CACHE, &[("XDG_CACHE_HOME", "/var/c")]), Some("/var/c/convscope".into()));
        assert_eq!(look(CACHE, &[("XDG_CACHE_HOME", "c")]), Some("/home/ada/.cache/convscope".into()));
        let both = &[("XDG_CACHE_HOME", "/var/c"), ("CONVSCOPE_CACHE", "here")];
        assert_eq!(look(CACHE, both), Some("here".into()));
        assert_eq!(look(CACHE, &[("CONVSCOPE_CACHE", "")]), Some("/home/ada/.cache/convscope".into()));
        assert_eq!(look(SETTINGS, &[]), Some("/home/ada/.config/convscope".into()));
        assert_eq!(look(SETTINGS, &[("CONVSCOPE_CONFIG", "/lab")]), Some("/lab".into()));
        assert_eq!(
            look(SETTINGS, &[("CONVSCOPE_CACHE", "/lab")]),
            Some("/home/ada/.config/convscope".into())
        );
        assert_eq!(CACHE.folder(|_| None, None), None);
    }
}
