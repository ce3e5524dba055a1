//! What users name instead of a file: other addresses, numbered patterns, cameras' numbers. Pure.

use std::path::Path;

/// What to do about a name that is neither a file's nor a folder's.
pub(super) fn device(path: &Path) -> String {
    let name = path.display();
    if path.to_string_lossy().starts_with("/dev/video") {
        return format!("a device: write `camera:{name}` for a camera (`convscope cameras` lists them)");
    }
    "is neither a file nor a folder: name a picture, a folder or a video".into()
}

/// Why there is no file of this name, and what to do.
pub(super) fn reason(path: &Path) -> String {
    let name = &*path.to_string_lossy();
    hint(name).unwrap_or_else(|| "there is no such file or folder: check the name".into())
}

fn hint(name: &str) -> Option<String> {
    if name.contains("://") {
        return Some("addresses of this kind are not read: fetch the file and name that".into());
    }
    let lower = name.to_lowercase();
    if lower.starts_with("data:image/") {
        return Some("pictures in addresses are not read: save it to a file and name that".into());
    }
    if name.starts_with('$') {
        return Some("in quotes like these a name of the shell stays as it is: leave them out".into());
    }
    if is_numbered(name) {
        return Some(
            "numbered patterns are not read: name the folder, or `*` for the number and no quotes".into(),
        );
    }
    if name.chars().all(|character| character.is_ascii_digit()) {
        return Some(format!("a camera is named `camera:{name}` (`convscope cameras` lists them)"));
    }
    if name.starts_with("/dev/video") {
        return Some("there is no such device: `convscope cameras` lists the cameras that are there".into());
    }
    if ["webcam", "cam", "cam0", "camera0", "video0", "usb", "default", "/dev/video"].contains(&&*lower) {
        return Some("a camera is named `camera:0` (`convscope cameras` lists them)".into());
    }
    let is_drive =
        name.starts_with(|first: char| first.is_ascii_alphabetic()) && name[1..].starts_with(":\\");
    if is_drive && !cfg!(windows) {
        let drive = lower.get(..1).unwrap_or_default();
        let rest = name.get(3..).unwrap_or_default().replace('\\', "/");
        return Some(format!("this is a name of Windows: in its Linux (WSL) it is /mnt/{drive}/{rest}"));
    }
    None
}

/// `%d`, `%05d`: numbers as ffmpeg and C write them.
fn is_numbered(name: &str) -> bool {
    name.split('%')
        .skip(1)
        .any(|rest| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with('d'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_files_say_what_to_do() {
        let cases = [
            ("cat.jpg", "there is no such file or folder: check the name"),
            ("a/100%.jpg", "there is no such file or folder: check the name"),
            ("s3://bucket/cat.jpg", "addresses of this kind are not read: fetch the file"),
            ("data:image/png;base64,iVBO", "save it to a file"),
            ("f_%02d.jpg", "numbered patterns are not read: name the folder"),
            ("0", "a camera is named `camera:0`"),
            ("Webcam", "a camera is named `camera:0`"),
            ("/dev/video7", "there is no such device: `convscope cameras`"),
            (r"C:\Users\you\cat.jpg", "/mnt/c/Users/you/cat.jpg"),
            ("ä:\\", "there is no such file or folder"),
        ];
        for (name, words) in cases {
            let reason = reason(Path::new(name));
            assert!(reason.contains(words), "{name}: {reason}");
        }
    }
}
