//! Tests of listing folders, made here.

use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

/// A folder with these files, all alike: the endings tell what they are, or the content does.
fn folder_of(files: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in files {
        write(&folder, file, b"\x89PNG\r\n\x1a\n");
    }
    folder
}

fn write(folder: &TempDir, file: &str, content: &[u8]) {
    let path = folder.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.pictures.iter().map(|path| path.to_str().unwrap()).collect()
}

#[test]
fn pictures_of_all_folders_below_come_folder_by_folder() {
    let files = [
        "heart/10.png",
        "heart/2.png",
        "heart-2/1.png",
        "Heart/1.png",
        "stray.png",
        "a/b/c/d.jpe",
        "heart/x/1.png",
    ];
    let folder = folder_of(&files);
    for hidden in [".trash/1.png", "__MACOSX/1.png", "a/@eaDir/1.png", "heart/._2.png", "heart/Thumbs.db"] {
        write(&folder, hidden, b"\x89PNG\r\n\x1a\n");
    }
    let listing = list(folder.path()).unwrap();
    let expected = [
        "a/b/c/d.jpe",
        "Heart/1.png",
        "heart/2.png",
        "heart/10.png",
        "heart/x/1.png",
        "heart-2/1.png",
        "stray.png",
    ];
    assert_eq!(names(&listing), expected);
    assert_eq!(listing.note(), None);
}

#[test]
fn endings_that_are_rare_wrong_or_missing() {
    let folder = folder_of(&["a.png", "b.jpe", "c.dib", "d.JFIF", "e.apng", "f", "g.png_large", "h.tif"]);
    write(&folder, "no picture", b"\x01\x02\x03");
    write(&folder, "page", b"<!DOCTYPE html><title>Sign in</title>");
    let listing = list(folder.path()).unwrap();
    assert_eq!(names(&listing), ["a.png", "b.jpe", "c.dib", "d.JFIF", "e.apng", "f", "g.png_large", "h.tif"]);
    let note = listing.note().unwrap();
    assert!(
        note.starts_with("left out: 1 web page in the picture's place (the address gave a page "),
        "{note}"
    );
    assert!(note.ends_with(", 1 other file"), "{note}");
}

#[test]
fn what_is_left_out_is_counted_by_kind() {
    let names = ["1.AVIF", "2.avif", "3.AVIF", "4.MOV", "5.nef", "6.jxl", "notes.txt"];
    let folder = folder_of(&names);
    let listing_error = list(folder.path()).unwrap_err().to_string();
    let holds = "; in it: 3 AVIF pictures (`avifdec FILE out.png` makes a PNG of it), 1 JPEG XL picture (`djxl FILE out.png` \
                 makes a PNG of it), 1 raw camera file (`darktable-cli FILE out.jpg` develops it), 1 video (name it by itself), \
                 1 other file";
    assert!(
        listing_error.contains(": no picture in this folder (PNG, ") && listing_error.ends_with(holds),
        "{listing_error}"
    );
    write(&folder, "7.jpg", b"");
    let listing = list(folder.path()).unwrap();
    assert_eq!(listing.note().unwrap(), holds.replace("; in it", "left out"));
    let nothing = TempDir::new().unwrap();
    assert!(list(nothing.path()).unwrap_err().to_string().ends_with("HEIC are read)"));
}

#[test]
fn links_are_followed_but_never_in_circles() {
    let folder = folder_of(&["set/star/1.png", "elsewhere/1.png", "elsewhere/deep/2.png", "beside.png"]);
    let set = folder.path().join("set");
    for (target, link) in [
        // A class elsewhere; the same folder once more; around it; itself; each other; a picture; nothing.
        ("../elsewhere", "linked"),
        ("star", "another"),
        ("..", "up"),
        (".", "itself"),
        ("../set", "again"),
        ("../elsewhere/1.png", "picture.png"),
        ("../gone/1.png", "gone.png"),
    ] {
        symlink(target, set.join(link)).unwrap();
    }
    symlink("..", set.join("star/back")).unwrap();
    symlink("../set/star", folder.path().join("elsewhere/round")).unwrap();
    let listing = list(&set).unwrap();
    assert_eq!(names(&listing), ["linked/1.png", "linked/deep/2.png", "picture.png", "star/1.png"]);
    assert_eq!(listing.note().unwrap(), "left out: 1 link that leads nowhere");
    // The folder that was named may be a link itself.
    symlink("set", folder.path().join("name")).unwrap();
    assert_eq!(names(&list(&folder.path().join("name")).unwrap()), names(&listing));
}

#[test]
fn pipes_and_closed_folders_do_not_stop_it() {
    let folder = folder_of(&["1.png", "closed/2.png"]);
    let closed = folder.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("3.png")).unwrap();
    let listing = list(folder.path()).unwrap();
    assert!(!names(&listing).contains(&"3.png") && listing.note().unwrap().contains("1 other file"));
    let may_all = fs::read_dir(&closed).is_ok();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    if may_all {
        return println!("skipped: this user may read every folder");
    }
    assert_eq!(names(&listing), ["1.png"]);
    assert_eq!(listing.note().unwrap(), "left out: 1 other file, 1 folder that may not be read");
}

#[test]
fn folders_may_not_lie_too_deep() {
    let deep = "d/".repeat(MOST_DEEP);
    let folder = folder_of(&["1.png", &format!("{deep}2.png"), &format!("{deep}d/3.png")]);
    let listing = list(folder.path()).unwrap();
    assert_eq!(names(&listing), ["1.png", &format!("{deep}2.png")]);
    assert!(listing.note().unwrap().ends_with("lies 32 folders deep"));
}

#[test]
fn natural_order_of_names() {
    for (smaller, larger) in [
        ("2", "10"),
        ("a2b3", "a2b20"),
        ("IMG_9.jpg", "img_10.jpg"),
        ("a", "a1"),
        ("x99999999999999999999998", "x99999999999999999999999"),
        ("1.png", "a.png"),
        ("äpfel2", "äpfel11"),
    ] {
        assert_eq!(natural_order(smaller, larger), Ordering::Less, "{smaller} {larger}");
        assert_eq!(natural_order(larger, smaller), Ordering::Greater, "{larger} {smaller}");
    }
    assert_eq!(natural_order("a007", "A7"), Ordering::Equal);
}
