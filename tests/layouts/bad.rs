//! What is no weight file of InceptionV3, whole files of it: refused with one sentence and without side effect.

use std::path::Path;
use std::time::{Duration, Instant};

use convscope::weights::{ReadOptions, WeightFile, Weights, WeightsError};
use safetensors::{Dtype, tensor::TensorView};

use crate::{ALL, data, file, fixture};

/// As the program does: the file's own architecture, then its parameters in it.
pub fn load(path: &Path) -> Result<Weights, WeightsError> {
    Ok(WeightFile::open(path, ReadOptions::default())?.fit()?.1)
}

/// Longest message: a dozen problems of two names each.
const MAX_MESSAGE: usize = 16_000;

/// Panics unless an error is one line that can be shown in a terminal and says what to do.
pub fn check_message(title: &str, error: &WeightsError) -> String {
    let message = error.to_string();
    let unfit = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
    assert!(!message.contains(unfit) && message.len() < MAX_MESSAGE, "{title}: {message:?}");
    // What is called something else has its advice from a table, which has tests of its own.
    let advice = ["`--weights`", "that can be read, but ", "; give ", "; save ", ": save ", "`torch.save"];
    let says_what_to_do = advice.iter().any(|words| message.contains(words));
    assert!(says_what_to_do, "{title} does not say what to do: {message}");
    message
}

fn refused(title: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "b", bytes);
    let started = Instant::now();
    let Err(error) = load(&path) else { panic!("{title} was taken for a network") };
    assert!(started.elapsed() < Duration::from_secs(5), "{title} took {:?}", started.elapsed());
    check_message(title, &error)
}

#[test]
fn files_cut_short() {
    for name in ALL {
        let whole = fixture(name);
        let length = whole.len();
        for end in
            [0, 1, 7, 8, 9, 100, 600, length / 10, length / 2, length * 9 / 10, length - 100, length - 1]
        {
            refused(&format!("{name} up to {end}"), &whole[..end]);
        }
    }
}

/// Every hostile file that the readers are tested with, through the front door.
#[test]
fn hostile_pickles_run_nothing() {
    let mut count = 0;
    for entry in std::fs::read_dir(data("pickled/hostile")).unwrap() {
        let path = entry.unwrap().path();
        refused(&path.display().to_string(), &std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 40, "{count}");
    assert!(!Path::new("convscope-was-here").exists());
}

#[test]
fn a_pickle_that_calls_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let command = format!("touch {}", marker.display());
    for module in ["os", "posix", "nt"] {
        let mut pickle = b"\x80\x02c".to_vec();
        pickle.extend(format!("{module}\nsystem\nX").bytes());
        pickle.extend((command.len() as u32).to_le_bytes());
        pickle.extend(command.bytes());
        pickle.extend(b"\x85R.");
        let message = refused(module, &pickle);
        assert!(message.contains("system"), "{message}");
    }
    assert!(!marker.exists());
}

/// A picture with a fixture of the Keras reader in it.
fn keras_picture(name: &str) -> Vec<u8> {
    image::open(data(&format!("keras_{name}.png"))).unwrap().into_luma8().into_raw()
}

#[test]
fn files_of_something_else() {
    assert!(refused("no model", &keras_picture("no_model")).contains("not a Keras model's"));
    let small = refused("another network of Keras", &keras_picture("legacy"));
    assert!(small.contains("3 convolutions") && small.contains("another network"), "{small}");
    let other = refused("a state dict", &std::fs::read(data("pickled/f32.pth")).unwrap());
    assert!(other.contains("does not fit InceptionV3"), "{other}");

    let zeros = vec![0; 4 * 32 * 27];
    let names = ["features.0.0.weight", "features.1.conv.0.0.weight", "classifier.1.weight"];
    let shapes = [vec![32, 3, 3, 3], vec![32, 1, 3, 3], vec![32, 27]];
    let views = names.iter().zip(shapes).map(|(name, shape)| {
        let bytes = &zeros[..shape.iter().product::<usize>() * 4];
        (name, TensorView::new(Dtype::F32, shape, bytes).unwrap())
    });
    let message = refused("MobileNetV2", &safetensors::serialize(views, None).unwrap());
    assert!(
        message.contains("none of its 3 tensors has the name of a convolution of InceptionV3"),
        "{message}"
    );

    refused("a picture", &std::fs::read(data("layouts/f16.png")).unwrap());
    refused("a page", b"<!DOCTYPE html><html>404 Not Found</html>");
    refused("zeros", &[0; 4096]);
}

#[test]
fn a_zip_that_claims_more_than_it_has() {
    let whole = fixture("torch");
    let lines: Vec<usize> =
        whole.windows(4).enumerate().filter(|(_, w)| w == b"PK\x01\x02").map(|(at, _)| at).collect();
    assert!(lines.len() > 400);
    for (title, stored, size) in [
        ("stored, 4 GB", 0_u16, 0xFFFF_FFF0_u32),
        ("deflated, 4 GB", 8, 0xFFFF_FFF0),
        ("zip64", 0, 0xFFFF_FFFF),
        ("one byte more", 0, 1),
    ] {
        let mut bomb = whole.clone();
        for at in &lines[1..] {
            bomb[at + 10..at + 12].copy_from_slice(&stored.to_le_bytes());
            let old = u32::from_le_bytes(bomb[at + 24..at + 28].try_into().unwrap());
            let size = if size == 1 { old + 1 } else { size };
            bomb[at + 24..at + 28].copy_from_slice(&size.to_le_bytes());
        }
        refused(title, &bomb);
    }
}

/// A safetensors file with this header before some bytes.
fn with_header(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + bytes, 0);
    file
}

#[test]
fn headers_that_lie() {
    let whole = fixture("safetensors");
    for length in [1_u64 << 63, u64::MAX, 1 << 40, whole.len() as u64, 0, 1] {
        let mut huge = whole.clone();
        huge[..8].copy_from_slice(&length.to_le_bytes());
        refused(&format!("a header of {length} bytes"), &huge);
    }
    let entry = |name: &str, shape: &str, end: usize| {
        format!("{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}")
    };
    for (title, name, shape, end) in [
        ("a shape that overflows", "fc.weight", "[9223372036854775807,9]", 8),
        ("a matrix of nothing, endless one way", "fc.weight", "[9223372036854775808,0]", 0),
        ("a matrix of nothing, endless the other way", "fc.weight", "[0,9223372036854775808]", 0),
        ("a name of several lines", "a\\nb\\u001b[31m", "[2]", 8),
        ("offsets beyond the end", "fc.bias", "[200]", 800),
    ] {
        refused(title, &with_header(&entry(name, shape, end), end.min(8)));
    }
    let long = "x".repeat(1 << 20);
    refused("a name of a megabyte", &with_header(&entry(&long, "[2]", 8), 8));
    let first = "Conv2d_1a_3x3.conv.weight";
    refused(
        "the long name beside a good one",
        &with_header(
            &format!(
                "{{\"{first}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}},\"{long}\\n\":{{\"dtype\":\"F32\",\
         \"shape\":[0],\"data_offsets\":[8,8]}}}}"
            ),
            8,
        ),
    );
}

/// An array of nothing in PaddlePaddle's file must not keep the reader busy for the side that is long.
#[test]
fn arrays_of_nothing() {
    for shape in [[0, 1_i64 << 60], [1 << 60, 0]] {
        let mut pickle =
            b"\x80\x02}X\x09\0\0\0fc.weightcnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n".to_vec();
        pickle.extend(b"K\0\x85U\x01btR(K\x01");
        for side in shape {
            pickle.extend(b"\x8a\x08");
            pickle.extend(side.to_le_bytes());
        }
        pickle.extend(b"\x86cnumpy\ndtype\n(X\x02\0\0\0f4\x89\x88tR(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89");
        pickle.extend(b"c_codecs\nencode\n(X\0\0\0\0X\x06\0\0\0latin1tRtbs.");
        let message = refused(&format!("{shape:?}"), &pickle);
        assert!(!message.contains("damaged"), "{message}");
    }
}

/// A network inside of another beside a tensor of the same name: what that belongs to cannot be told, so that there are maps
/// and no classes.
#[test]
fn two_tensors_of_one_name() {
    let whole = fixture("safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&whole).unwrap();
    let mut views: Vec<_> = tensors.iter().map(|(name, view)| (format!("model.{name}"), view)).collect();
    let bias = views.iter().find(|(name, _)| name == "model.fc.bias").unwrap().1.clone();
    let prefixed = safetensors::serialize(views.clone(), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    load(&file(folder.path(), "c", &prefixed)).unwrap();
    views.push(("fc.bias".into(), bias));
    let twice = safetensors::serialize(views, None).unwrap();
    let weights = load(&file(folder.path(), "d", &twice)).unwrap();
    let note = weights.notes.iter().find(|note| note.contains("no classes")).unwrap();
    assert!(note.contains("`model.fc`, `fc`"), "{note}");
}

/// The warning names the tensor; the file is read.
#[test]
fn values_that_are_no_numbers_are_told() {
    let whole = fixture("safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&whole).unwrap();
    let spoiled: Vec<u8> = [f32::NAN; 10].iter().flat_map(|value| value.to_le_bytes()).collect();
    let views = tensors.iter().map(|(name, view)| {
        let view =
            if name == "fc.bias" { TensorView::new(Dtype::F32, vec![10], &spoiled).unwrap() } else { view };
        (name, view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let weights = load(&file(folder.path(), "d", &bytes)).unwrap();
    assert_eq!(weights.notes, ["`fc.bias` holds 10 NaN or infinite of 10 values"]);
}
