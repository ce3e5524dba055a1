//! Tests of the reader of Keras' files. `scripts/make_keras_fixtures.py` says what is in the fixtures.

use super::*;
use crate::weights::Stored;

const LIMITS: Limits = Limits { tensors: 10_000, bytes: 2 << 30 };

/// A fixture's bytes, without the zeros that fill the last row of the picture.
fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/weights/keras_{name}.png", env!("CARGO_MANIFEST_DIR"));
    let mut bytes = image::open(path).unwrap().into_luma8().into_raw();
    let is_new = bytes[8] > 1;
    let end = if is_new { 28 } else { 40 };
    let length = u64::from_le_bytes(bytes[end..end + 8].try_into().unwrap());
    bytes.truncate(length as usize);
    bytes
}

fn read_fixture(name: &str) -> TensorFile {
    read(&fixture(name), LIMITS).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes, LIMITS).unwrap_err().0
}

/// Values of the tensor that was the `t`-th to be created.
fn values(t: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| (16 * t + i % 16) as f32).collect()
}

/// The three units of the tiny model, in Keras' order, by their place in the order of creation.
const ORDER: [usize; 3] = [1, 0, 2];

/// Checks all layers of the tiny model. Of the file with gamma, tensors after it are counted one further.
fn check(file: &TensorFile, with_gamma: Option<usize>) {
    let layers = by_layer(file);
    let of = |kind| layers.iter().filter(move |layer| layer.kind == kind).collect::<Vec<_>>();
    let (convs, norms, dense) = (of(LayerKind::Conv), of(LayerKind::BatchNorm), of(LayerKind::Dense));
    assert_eq!((layers.len(), convs.len(), norms.len(), dense.len()), (7, 3, 3, 1));
    let first = |unit: usize| 4 * unit + usize::from(with_gamma.is_some_and(|g| g < unit));
    for (place, unit) in ORDER.into_iter().enumerate() {
        let [kernel] = convs[place].tensors[..] else { panic!("{:?}", convs[place]) };
        assert_eq!((&kernel.shape[..], &kernel.values), (&[1, 1, 2, 2][..], &values(first(unit), 4)));
        let norm = norms[place].batch_norm().unwrap();
        let gamma = with_gamma == Some(unit);
        let shift = usize::from(gamma);
        assert_eq!(norm.gamma.map(|t| &t.values), gamma.then_some(&values(first(unit) + 1, 2)));
        assert_eq!(norm.beta.unwrap().values, values(first(unit) + shift + 1, 2));
        assert_eq!(norm.mean.values, values(first(unit) + shift + 2, 2));
        assert_eq!(
            (&norm.variance.shape[..], &norm.variance.values),
            (&[2][..], &values(first(unit) + shift + 3, 2))
        );
    }
    let [weight, bias] = dense[0].tensors[..] else { panic!("{:?}", dense[0]) };
    assert_eq!((&weight.shape[..], &weight.values), (&[4, 3][..], &values(first(3), 12)));
    assert_eq!((&bias.shape[..], &bias.values), (&[3][..], &values(first(3) + 1, 3)));
}

#[test]
fn the_same_numbers_come_out_of_every_layout_in_the_order_of_keras() {
    for (name, layout, notes) in [
        ("legacy", Layout::KerasLegacy, &[][..]),
        ("fixed", Layout::KerasLegacy, &[]),
        ("whole", Layout::KerasLegacy, &["optimizer state ignored"]),
        ("latest", Layout::KerasLegacy, &["optimizer state ignored"]),
        ("weights", Layout::KerasWeights, &[]),
        ("trained", Layout::KerasWeights, &["optimizer state ignored"]),
    ] {
        let file = read_fixture(name);
        assert!(recognises(&fixture(name)[..8]) && file.layout == layout, "{name}");
        assert_eq!(file.notes, notes, "{name}");
        check(&file, None);
        assert!(file.tensors.iter().all(|tensor| tensor.stored == Stored::F32));
    }
    let file = read_fixture("legacy");
    let names: Vec<_> = file.tensors.iter().take(5).map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names[0], "conv2d_1/conv2d_1/kernel");
    assert_eq!(
        names[3..],
        ["batch_normalization_1/batch_normalization_1/moving_variance", "conv2d/conv2d/kernel"]
    );
    assert_eq!(by_layer(&read_fixture("weights"))[0].name, "layers/batch_normalization");
}

#[test]
fn gamma_is_told_from_beta_and_narrow_and_wide_floats_are_exact() {
    let file = read_fixture("mixed");
    check(&file, Some(1));
    let stored = |name: &str| file.tensors.iter().find(|tensor| tensor.name == name).unwrap().stored;
    // The first of Keras' order is the second that was created.
    let found = ["layers/conv2d/vars/0", "layers/conv2d_1/vars/0", "layers/conv2d_2/vars/0"].map(stored);
    assert_eq!(found, [Stored::BF16, Stored::F16, Stored::F64]);

    let vector = |name: &str| NamedTensor {
        name: name.into(),
        shape: vec![2],
        values: vec![0.0; 2],
        stored: Stored::F32,
    };
    let (gamma, mean, variance) =
        (vector("bn/gamma:0"), vector("bn/moving_mean:0"), vector("bn/moving_variance:0"));
    let layer =
        KerasLayer { kind: LayerKind::BatchNorm, name: "bn", tensors: vec![&gamma, &mean, &variance] };
    let norm = layer.batch_norm().unwrap();
    assert!(norm.beta.is_none() && norm.gamma == Some(&gamma) && norm.variance == &variance);
}

#[test]
fn half_precision_is_decoded_by_its_definition() {
    let half = |bits: u16| Stored::F16.decode(&bits.to_le_bytes())[0];
    for (bits, value) in [
        (0x0000_u16, 0.0_f32),
        (0x3C00, 1.0),
        (0xC000, -2.0),
        (0x3555, 0.333_251_95),
        (0x7BFF, 65504.0),
        (0x0001, 5.960_464_5e-8),
        (0x03FF, 6.097_555e-5),
        (0x0400, 6.103_515_6e-5),
        (0xFC00, f32::NEG_INFINITY),
    ] {
        assert_eq!(half(bits), value, "{bits:#06x}");
    }
    assert!(half(0x7E00).is_nan() && half(0x8000).is_sign_negative());
    assert_eq!(Stored::BF16.decode(&[0x80, 0x3F, 0x49, 0xC0]), [1.0, -3.140_625]);
}

#[test]
fn numbers_in_names_are_sorted_as_keras_counts() {
    let mut names = ["conv2d_10", "dense", "conv2d_2", "conv2d", "conv2d_transpose", "conv2d_1"];
    names.sort_by_key(|name| natural(name));
    assert_eq!(names, ["conv2d", "conv2d_1", "conv2d_2", "conv2d_10", "conv2d_transpose", "dense"]);
    assert_eq!(["10", "0", "01", "x_+1"].map(natural), [("", 10), ("", 0), ("01", 0), ("x_+1", 0)]);
}

#[test]
fn what_keras_does_not_write_is_refused_in_a_sentence() {
    for (name, parts) in [
        ("gzip", ["`layers/", "compressed", "save its weights anew"]),
        ("chunks", ["`layers/", "cut into chunks", "save its weights anew"]),
        ("soft", ["`dense_1`", "points by name", "save its weights anew"]),
        ("circle", ["`self` in `layers/dense`", "circle", "save it anew"]),
        ("dense", ["dense form", "Keras never writes", "save its weights anew"]),
        ("no_model", ["HDF5", "not a Keras model", "give a file"]),
    ] {
        let message = refusal(&fixture(name));
        assert!(parts.iter().all(|part| message.contains(part)), "{name}: {message}");
    }
    assert!(refusal(b"PK\x03\x04").contains("not an HDF5 file"));
    assert!(!recognises(b"PK\x03\x04"));
    let few = Limits { tensors: 13, ..LIMITS };
    assert!(read(&fixture("weights"), few).unwrap_err().0.contains("more than 13 tensors"));
    let small = Limits { bytes: 179, ..LIMITS };
    assert!(read(&fixture("weights"), small).unwrap_err().0.contains("179 bytes"));
    assert!(read(&fixture("weights"), Limits { tensors: 14, bytes: 180 }).is_ok());
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    for name in ["legacy", "weights", "latest"] {
        let bytes = fixture(name);
        for length in (8..bytes.len()).step_by(61).chain([95, 96, bytes.len() - 1]) {
            assert!(refusal(&bytes[..length]).starts_with("cut off"), "{name} {length}");
        }
    }
}

/// Where a byte string is in a file, once.
fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut found = bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    let (at, _) = found.next().unwrap();
    assert!(found.next().is_none());
    at
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    // The classifier's shape, [4, 3], becomes 2^61 × 2^62.
    let mut bytes = fixture("weights");
    let shape = [4_u64, 3].map(u64::to_le_bytes).concat();
    let at = position(&bytes, &[shape.clone(), shape].concat());
    bytes[at..at + 16].copy_from_slice(&[1_u64 << 61, 1 << 62].map(u64::to_le_bytes).concat());
    assert!(refusal(&bytes).contains("`layers/dense/vars/0` has shape"), "{}", refusal(&bytes));
    // The list of layers has 2^60 entries.
    let mut bytes = fixture("legacy");
    let at = position(&bytes, b"layer_names\0") + 16;
    let at = at + bytes[at..].windows(8).position(|window| window == 10_u64.to_le_bytes()).unwrap();
    bytes[at..at + 8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    assert!(refusal(&bytes).contains("`layer_names` is unreadable"), "{}", refusal(&bytes));
    // A name would colour the terminal.
    let mut bytes = fixture("weights");
    let name = b"batch_normalization_1";
    for at in 0..bytes.len() - name.len() {
        if bytes[at..].starts_with(name) {
            bytes[at] = 0x1B;
        }
    }
    assert!(refusal(&bytes).contains("a name is unreadable"), "{}", refusal(&bytes));
    // Each of the three kernels is half the file.
    let mut bytes = fixture("weights");
    let (old, new) = ([1_u64, 1, 2, 2], [1_u64, 1, 2134, 2]);
    let mut count = 0;
    for at in 0..bytes.len() - 32 {
        if bytes[at..at + 32] == *old.map(u64::to_le_bytes).as_flattened() {
            bytes[at..at + 32].copy_from_slice(new.map(u64::to_le_bytes).as_flattened());
            count += 1;
        }
        if bytes[at..at + 2] == [3, 1] && bytes[at + 10..at + 18] == 16_u64.to_le_bytes() {
            bytes[at + 2..at + 18].copy_from_slice([0, 2134 * 8_u64].map(u64::to_le_bytes).as_flattened());
            count += 1;
        }
    }
    assert_eq!((count, bytes.len()), (9, 34144));
    assert!(refusal(&bytes).contains("its arrays overlap"), "{}", refusal(&bytes));
}

#[test]
fn damage_anywhere_never_panics() {
    for name in ["legacy", "weights", "latest", "fixed"] {
        let original = fixture(name);
        for at in 0..original.len() {
            if original[at] == 0 && at % 7 != 0 {
                continue;
            }
            for value in [0, 1, 0x7F, 0xFF, original[at] ^ 0x10] {
                let mut bytes = original.clone();
                bytes[at] = value;
                if let Ok(file) = read(&bytes, LIMITS) {
                    let _ = by_layer(&file).iter().filter_map(KerasLayer::batch_norm).count();
                }
            }
        }
    }
}
