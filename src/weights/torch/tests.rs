//! Files are made by scripts/make_weight_fixtures.py, by PyTorch and numpy themselves.

use super::*;
use crate::weights::file::{NamedTensor, Stored};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/weights/pickled");

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}")).unwrap()
}

fn load(name: &str) -> TensorFile {
    let bytes = bytes(name);
    assert!(recognises(&bytes[..bytes.len().min(512)]), "{name}");
    read(&bytes, Limits::default()).unwrap_or_else(|error| panic!("{name}: {}", error.0))
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes, Limits::default()).unwrap_err().0
}

/// (start + i) / 3 in f32, as the script makes them.
fn thirds(start: i16, count: i16) -> Vec<f32> {
    (start..start + count).map(|i| f32::from(i) / 3.0).collect()
}

fn tensor(name: &str, shape: &[usize], stored: Stored, values: Vec<f32>) -> NamedTensor {
    NamedTensor { name: name.into(), shape: shape.into(), values, stored }
}

fn state_dict() -> Vec<NamedTensor> {
    let f32 = Stored::F32;
    vec![
        tensor("Conv2d_1a_3x3.conv.weight", &[2, 3, 2, 1], f32, thirds(-6, 12)),
        tensor("Conv2d_1a_3x3.bn.weight", &[2], f32, thirds(1, 2)),
        tensor("Conv2d_1a_3x3.bn.bias", &[2], f32, thirds(3, 2)),
        tensor("Conv2d_1a_3x3.bn.running_mean", &[2], f32, thirds(5, 2)),
        tensor("Conv2d_1a_3x3.bn.running_var", &[2], f32, thirds(7, 2)),
        tensor("fc.weight", &[3, 2], f32, thirds(100, 6)),
        tensor("fc.bias", &[3], f32, thirds(-1, 3)),
    ]
}

/// With the values of a conversion that the caller knows.
fn converted(stored: Stored, convert: impl Fn(f32) -> f32) -> Vec<NamedTensor> {
    let mut tensors = state_dict();
    for tensor in &mut tensors {
        tensor.stored = stored;
        tensor.values.iter_mut().for_each(|value| *value = convert(*value));
    }
    tensors
}

/// Rounds a normal number to so many bits behind the point, ties to even.
fn rounded(value: f32, bits: u32) -> f32 {
    let dropped = 23 - bits;
    let raw = value.to_bits();
    let half = (1 << (dropped - 1)) - 1 + (raw >> dropped & 1);
    f32::from_bits((raw + half) >> dropped << dropped)
}

#[test]
fn all_formats_of_f32_give_the_same_tensors_in_the_order_of_the_file() {
    for name in ["f32.pth", "protocol4.pth", "legacy.pth", "legacy_protocol4.pth"] {
        let file = load(name);
        assert_eq!(file.layout, Layout::Torch, "{name}");
        assert_eq!(file.tensors, state_dict(), "{name}");
        assert_eq!(file.notes, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn half_precision_gives_the_rounded_numbers_and_f64_is_rounded_to_f32() {
    let f16 = load("f16.pth");
    assert_eq!(f16.tensors, converted(Stored::F16, |value| rounded(value, 10)));
    // 1/3 and 100/3 as PyTorch prints them.
    assert_eq!(f16.tensors[1].values[0], 0.333_251_95);
    assert_eq!(f16.tensors[5].values[0], 33.343_75);
    for name in ["bf16.pth", "legacy_bf16.pth"] {
        let bf16 = load(name);
        assert_eq!(bf16.tensors, converted(Stored::BF16, |value| rounded(value, 7)), "{name}");
        assert_eq!(bf16.tensors[1].values[0], 0.333_984_38);
    }
    assert_eq!(load("f64.pth").tensors, converted(Stored::F64, |value| value));
}

#[test]
fn every_f16_is_exact() {
    for bits in 0..=u16::MAX {
        let [negative, exponent, fraction] =
            [f64::from(bits >> 15), f64::from(bits >> 10 & 31), f64::from(bits & 1023)];
        let value = Stored::F16.decode(&bits.to_le_bytes())[0];
        if exponent == 31.0 {
            assert_eq!(
                (value.is_nan(), value.is_infinite()),
                (fraction > 0.0, fraction == 0.0),
                "{bits:04x}"
            );
        } else {
            let magnitude = if exponent == 0.0 {
                fraction * 2f64.powi(-24)
            } else {
                (1.0 + fraction / 1024.0) * (exponent - 15.0).exp2()
            };
            assert_eq!(f64::from(value.abs()), magnitude, "{bits:04x}");
        }
        assert_eq!(value.is_sign_negative(), negative == 1.0, "{bits:04x}");
    }
}

#[test]
fn views_show_what_they_show_in_pytorch() {
    let f32 = Stored::F32;
    let count = |range: std::ops::Range<u8>| range.map(f32::from).collect::<Vec<_>>();
    let turned = (0..6u8).flat_map(|column| (0..4u8).map(move |row| f32::from(6 * row + column))).collect();
    let expected = vec![
        tensor("turned", &[6, 4], f32, turned),
        tensor("cut", &[4], f32, count(5..9)),
        tensor("every_other", &[2, 2], f32, vec![6.0, 9.0, 18.0, 21.0]),
        tensor("shared", &[2, 12], f32, count(0..24)),
        tensor("channels_last", &[2, 2, 2, 2], f32, count(0..16)),
        tensor("one", &[], f32, vec![0.5]),
        tensor("none", &[0, 3], f32, vec![]),
    ];
    assert_eq!(load("views.pth").tensors, expected);
    assert_eq!(load("legacy_views.pth").tensors, expected);
}

#[test]
fn files_of_2017_are_read() {
    let expected = vec![
        tensor("turned", &[3, 2], Stored::F32, vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        // The view begins at 2, the tensor one further.
        tensor("parameter", &[2], Stored::F32, vec![3.0, 4.0]),
        tensor("half", &[1], Stored::F16, vec![0.5]),
    ];
    assert_eq!(load("legacy_old.pth").tensors, expected);
}

#[test]
fn parameters_are_tensors_and_other_numbers_are_ignored() {
    let expected = vec![
        tensor("_orig_mod.module.weight", &[2, 2], Stored::F32, thirds(1, 4)),
        tensor("_orig_mod.module.bias", &[2], Stored::F32, thirds(9, 2)),
    ];
    assert_eq!(load("parameters.pth").tensors, expected);
    let other = load("other_types.pth");
    assert_eq!(other.tensors, state_dict());
    assert_eq!(other.notes, ["ignored tensors that are neither float nor integer: `phase`"]);
}

#[test]
fn a_checkpoint_is_unwrapped_and_what_is_left_aside_is_told() {
    let file = load("checkpoint.pth");
    let inside = |tensor: NamedTensor| NamedTensor { name: format!("module.{}", tensor.name), ..tensor };
    assert_eq!(file.tensors, state_dict().into_iter().map(inside).collect::<Vec<_>>());
    let note = "ignored what is no weight: `epoch`, `arch`, `args`, `best_acc1`, `best_loss`, `optimizer`";
    assert_eq!(file.notes, [note]);
}

#[test]
fn objects_that_no_weight_needs_are_passed_over_and_named() {
    for name in ["objects.pth", "objects4.pth"] {
        let file = load(name);
        assert_eq!(file.tensors, state_dict(), "{name}");
        let note = "ignored what is no weight: `epoch`, `things`, `counter`, `set`, `frozenset`, `bytearray`, 15 more";
        assert_eq!(file.notes, [note], "{name}");
    }
    // As the format before 1.6 wrote a module, with its source.
    let file = load("hand_module.pth");
    assert_eq!(file.tensors, [tensor("w", &[2], Stored::F32, vec![1.0, 2.0])]);
    assert_eq!(file.notes, ["ignored what is no weight: `loss`"]);
    // A dictionary of a class of its own is one, and so is a tensor.
    assert_eq!(load("own_dictionary.pth").tensors, state_dict());
    assert_eq!(load("own_tensors.pth").tensors, state_dict());
}

fn paddle(stored: Stored, convert: impl Fn(f32) -> f32) -> Vec<NamedTensor> {
    let values = |start, count| thirds(start, count).into_iter().map(&convert).collect();
    vec![
        tensor("conv.weight", &[2, 3, 2, 1], stored, values(-6, 12)),
        tensor("bn._mean", &[2], stored, values(5, 2)),
        // In Fortran's order in the file.
        tensor("fc.weight", &[2, 3], stored, values(100, 6)),
        tensor("fc.bias", &[0], stored, vec![]),
    ]
}

#[test]
fn every_protocol_of_paddle_is_read() {
    let expected = paddle(Stored::F32, |value| value);
    for number in 2..=5 {
        let file = load(&format!("protocol{number}.pdparams"));
        assert_eq!(file.layout, Layout::Paddle);
        assert_eq!(file.tensors, expected, "protocol {number}");
        assert_eq!(file.notes, Vec::<String>::new(), "protocol {number}");
    }
    assert_eq!(load("old_numpy.pdparams").tensors, expected);
    for name in ["nested2.pdparams", "nested4.pdparams"] {
        assert_eq!(load(name).tensors, expected, "{name}");
        assert_eq!(load(name).notes, ["ignored what is no weight: `epoch`"], "{name}");
    }
    assert_eq!(load("f16.pdparams").tensors, paddle(Stored::F16, |value| rounded(value, 10)));
    assert_eq!(load("f64.pdparams").tensors, paddle(Stored::F64, |value| value));
    let bf16 = thirds(100, 4).into_iter().map(|value| rounded(value, 7)).collect();
    assert_eq!(load("bf16.pdparams").tensors, [tensor("w", &[2, 2], Stored::BF16, bf16)]);
}

#[test]
fn arrays_whose_axes_changed_places_are_read() {
    let values =
        (0..3u8).flat_map(|row| [0, 12].map(|block| (0..4u8).map(move |i| f32::from(block + 4 * row + i))));
    let expected = tensor("w", &[3, 2, 4], Stored::F32, values.flatten().collect());
    assert_eq!(load("permuted5.pdparams").tensors, [expected]);
}

#[test]
fn the_hand_made_files_are_good_before_they_are_spoilt() {
    for name in ["hand.pth", "hand.pdparams"] {
        assert_eq!(load(name).tensors, [tensor("w", &[2], Stored::F32, vec![1.0, 2.0])], "{name}");
    }
}

/// Every file in `hostile`, and a part of the sentence that refuses it.
const HOSTILE: [(&str, &str); 71] = [
    ("runs.pth", "wants to call `posix.system`, which a weight file has no business doing"),
    ("runs_legacy.pth", "wants to call `posix.system`"),
    ("runs.pdparams", "wants to call `posix.system`"),
    ("os_system.pdparams", "wants to call `os.system`"),
    ("os_system4.pdparams", "wants to call `os.system`"),
    ("eval.pdparams", "wants to call `builtins.eval`"),
    ("getattr.pdparams", "wants to call `builtins.getattr`"),
    ("through_module.pdparams", "wants to call `torch._utils.sys.modules`"),
    ("calls_result.pdparams", "calls what is no function"),
    ("calls_text.pdparams", "calls what is no function"),
    ("calls_tensor_class.pdparams", "a call with other arguments"),
    ("nested_calls.pdparams", "calls what is no function"),
    ("fills_class.pdparams", "fills what cannot be filled"),
    ("instance.pdparams", "instruction 0x69"),
    ("object.pdparams", "instruction 0x6f"),
    ("extension.pdparams", "instruction 0x82"),
    ("persistent_text.pdparams", "instruction 0x50"),
    ("persistent_module.pth", "a reference to something other than a storage"),
    ("far_memo.pdparams", "no dictionary of float tensors"),
    ("no_memo.pdparams", "recalls what it never had"),
    ("long_text.pdparams", "cut short"),
    ("long_number.pdparams", "cut short"),
    ("no_mark.pdparams", "closes what was not opened"),
    ("below_mark.pdparams", "takes what is not there"),
    ("odd_items.pdparams", "a key without its value"),
    ("append_to_none.pdparams", "appends to no list"),
    ("protocol9.pdparams", "neither a PyTorch file nor a pickle"),
    ("loop.pdparams", "no dictionary of float tensors"),
    ("no_tensors.pdparams", "no dictionary of float tensors"),
    ("two_models.pdparams", "several dictionaries of tensors (`generator`, `discriminator`)"),
    ("pieces.pdparams", "pieces of a gigabyte"),
    ("whole_model.pth", "an object of class `torch.nn.modules.linear.Linear`"),
    ("model_inside.pth", "an object of class `torch.nn.modules.linear.Linear`"),
    ("pickled.pth", "written by Python's `pickle`, and not by `torch.save`"),
    ("hidden.pth", "wants to call `posix.system`"),
    ("script.pt", "TorchScript"),
    ("bomb.pth", "`archive/data/0` in the zip archive is compressed"),
    ("says_deflated.pth", "`archive/data/0` in the zip archive is compressed"),
    ("encrypted.pth", "`archive/data/0` in the zip archive is compressed or encrypted"),
    ("other_name.pth", "an entry is not where its directory says"),
    ("negated.pth", "`w` is only marked as negated"),
    ("arrays.npz", "without one `data.pkl`"),
    ("two_pickles.pth", "without one `data.pkl`"),
    ("expanded.pth", "`w` repeats its storage"),
    ("expanded_far.pth", "come to more than"),
    ("shape_overflow.pth", "come to more than"),
    ("stride_overflow.pth", "reaches beyond its storage"),
    ("negative_shape.pth", "a shape or strides that make no sense"),
    ("negative_offset.pth", "a shape or strides that make no sense"),
    ("offset_beyond.pth", "reaches beyond its storage"),
    ("stride_beyond.pth", "reaches beyond its storage"),
    ("axes.pth", "a shape or strides that make no sense"),
    ("axes_differ.pth", "a shape or strides that make no sense"),
    ("storage_missing.pth", "a storage that is not in the file"),
    ("storage_short.pth", "a storage that is shorter than it says"),
    ("big_endian.pth", "big-endian"),
    ("big_endian.pdparams", "big-endian"),
    ("content_long.pdparams", "a shape that does not fit its content"),
    ("content_one_more.pdparams", "a shape that does not fit its content"),
    ("content_short.pdparams", "a shape that does not fit its content"),
    ("content_wide.pdparams", "content that is no bytes"),
    ("content_list.pdparams", "content that is no bytes"),
    ("axes_twice.pdparams", "axes that make no sense"),
    ("axes_fewer.pdparams", "axes that make no sense"),
    ("axes_beyond.pdparams", "axes that make no sense"),
    ("order_unknown.pdparams", "an order that is not known"),
    ("twice.pdparams", "`w` is there twice"),
    ("no_name.pdparams", "no name that a tensor can have"),
    ("entries_lie.pth", "directory does not make sense"),
    ("directory_lies.pth", "directory does not make sense"),
    ("tar.pth", "a tar archive"),
];

#[test]
fn hostile_files_are_refused_with_one_sentence_and_nothing_is_run() {
    let mut found: Vec<_> = std::fs::read_dir(format!("{FOLDER}/hostile")).unwrap().collect();
    assert_eq!(found.len(), HOSTILE.len());
    for (name, sentence) in HOSTILE {
        let error = refusal(&bytes(&format!("hostile/{name}")));
        assert!(error.contains(sentence), "{name}: {error}");
        assert!(!error.contains('\n') && !error.ends_with('.'), "{name}: {error}");
        found.retain(|entry| *entry.as_ref().unwrap().file_name() != *name);
    }
    assert!(found.is_empty(), "{found:?}");
    assert!(!std::path::Path::new("convscope-was-here").exists());
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    for name in [
        "f32.pth",
        "checkpoint.pth",
        "legacy.pth",
        "legacy_old.pth",
        "protocol2.pdparams",
        "protocol4.pdparams",
    ] {
        let whole = bytes(name);
        for length in 0..whole.len() {
            assert!(read(&whole[..length], Limits::default()).is_err(), "{length} bytes of {name}");
        }
    }
}

/// A little of what fuzzing does at length: single bytes of the structure, in each file.
#[test]
fn damaged_files_never_panic_and_never_grow() {
    let values = [0, 1, 0x28, 0x71, 0x7f, 0x80, 0xff];
    for name in ["views.pth", "legacy_old.pth", "hand.pdparams", "protocol5.pdparams"] {
        let whole = bytes(name);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = values[at % values.len()];
            let Ok(file) = read(&damaged, Limits::default()) else { continue };
            let count: usize = file.tensors.iter().map(|tensor| tensor.values.len()).sum();
            assert!(4 * count <= 8 * whole.len(), "byte {at} of {name}");
            for tensor in file.tensors {
                assert_eq!(
                    tensor.values.len(),
                    tensor.shape.iter().product::<usize>(),
                    "byte {at} of {name}"
                );
            }
        }
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let whole = bytes("f32.pth");
    let values: usize = state_dict().iter().map(|tensor| tensor.values.len()).sum();
    let limits = |tensors, bytes| read(&whole, Limits { tensors, bytes });
    assert!(limits(7, 4 * values).is_ok());
    assert!(limits(6, 4 * values).unwrap_err().0.contains("more than 6 tensors"));
    assert!(limits(7, 4 * values - 1).unwrap_err().0.contains("with `fc.bias`"));
}

#[test]
fn pickles_without_end_and_without_bottom_are_refused_in_bounded_memory() {
    const COUNT: usize = 3_000_000;
    let program = |head: &[u8], repeated: &[u8]| {
        [b"\x80\x02", head, &repeated.repeat(COUNT / repeated.len()), b"."].concat()
    };
    let endless: [(&[u8], &[u8]); 8] = [
        (b"", b"("),
        (b"", b")"),
        (b"", b"}"),
        (b")", b"\x85"),
        (b"]q\0", b"h\0a"),
        (b"N", b"\x94"),
        (b"K\0", b"q\0"),
        (b"ccollections\nOrderedDict\nq\0", b"h\0)R0"),
    ];
    for (head, repeated) in endless {
        let error = refusal(&program(head, repeated));
        assert!(error.contains("instructions") || error.contains("instruction 0x30"), "{error}");
    }
    // As deep as it may be: neither walking nor dropping it may recurse.
    let deep = [b"\x80\x02]".as_slice(), &b"\x85".repeat(1_000_000), b"."].concat();
    assert!(refusal(&deep).contains("no dictionary of float tensors"));
}

#[test]
fn one_long_list_for_many_dictionaries_is_too_much_work() {
    let pair = b"K\0K\0\x86";
    let list = [b"](".as_slice(), &pair.repeat(100_000), b"eq\0"].concat();
    let again = b"ccollections\nOrderedDict\nh\0\x85R".repeat(100_000);
    let error = refusal(&[b"\x80\x02".as_slice(), &list, &again, b"."].concat());
    assert!(error.contains("instructions"), "{error}");
}

#[test]
fn names_from_a_file_cannot_reach_the_terminal_as_they_are() {
    let error = refusal(b"\x80\x02cos\n\x1b[2Jsystem\n.");
    assert!(error.contains(r"`os.\u{1b}[2Jsystem`"), "{error}");
    let error = refusal(b"\x80\x02cos\n`: all is well, `\n.");
    assert!(error.starts_with(r"the pickle wants to call `os.\': all is well, \'`"), "{error}");
    let long = [b"\x80\x02cos\n".as_slice(), &b"m".repeat(200), b"\n."].concat();
    assert!(refusal(&long).contains("mmm…`"));
    // An object in place of the tensors.
    let error = refusal(b"\x80\x02c\x1b[2J\nModel\n)R.");
    assert!(error.contains(r"`\u{1b}[2J.Model`"), "{error}");
    let longer = [b"\x80\x02c".as_slice(), &b"m".repeat(300), b"\nsystem\n."].concat();
    assert!(refusal(&longer).contains("a name that is too long"));
}

#[test]
fn only_what_begins_like_these_files_is_taken() {
    assert!(!recognises(b""));
    assert!(!recognises(b"\x89HDF\r\n\x1a\n"));
    assert!(!recognises(b"\x80\x06}"));
    // A safetensors file whose header has 640 bytes.
    assert!(!recognises(b"\x80\x02\0\0\0\0\0\0{\"a\":"));
    assert!(recognises(b"\x80\x02}q\0(X\x01\0\0\0"));
    assert!(recognises(b"\x80\x04\x95\x20\0\0\0\0\0\0\0}"));
    assert!(refusal(b"not weights").contains("neither a PyTorch file"));
}
