//! The network that is built in names what the test card shows, and pictures made with other tools than its training
//! (`models/embedded/make_test_pictures.py`).

use std::path::Path;

use convscope::engine::{Engine, ModelOptions, OpenedModel, WeightsSpec};
use convscope::frame::{Frame, PixelFormat};
use convscope::gpu::Preprocessing;
use convscope::shapes::Class;
use convscope::source::testcard;

fn engine() -> Engine {
    let opened = OpenedModel::open(&WeightsSpec::Embedded, &ModelOptions::default(), None).unwrap();
    Engine::new(opened.load(Default::default(), &mut |_| {}).unwrap(), None).unwrap()
}

/// The most probable class and its probability.
fn answer(engine: &mut Engine, size: (u32, u32), rgb: &[u8]) -> (String, f32) {
    let frame = Frame::new(0, size, PixelFormat::Rgb8, rgb, "test".into()).unwrap();
    let classifier = engine.graph().classifier().unwrap();
    let outputs = engine.run(&frame, Preprocessing::default(), &[classifier]).unwrap();
    let probabilities = &outputs[0].values;
    assert_eq!(probabilities.len(), Class::ALL.len());
    let best =
        (0..probabilities.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap();
    (engine.labels()[best].name.clone(), probabilities[best])
}

#[test]
fn its_classes_are_those_that_are_drawn() {
    let engine = engine();
    let names: Vec<_> = engine.labels().iter().map(|label| label.name.as_str()).collect();
    assert_eq!(names, Class::ALL.map(Class::name));
    assert!(engine.is_trained());
}

#[test]
fn several_pictures_at_the_same_time_give_what_each_gives_alone() {
    let mut engine = engine();
    let layers = [3, engine.graph().classifier().unwrap(), 1, 0];
    let frame = |number| {
        let (size, card) = ((testcard::WIDTH, testcard::HEIGHT), testcard::draw(number));
        Frame::new(number, size, PixelFormat::Rgb8, &card, "test".into()).unwrap()
    };
    let frames: Vec<_> = [5, 300, 900, 1500, 2100].map(frame).into();
    let together = engine.run_each(&frames.iter().collect::<Vec<_>>(), Preprocessing::default(), &layers);
    assert_eq!(together.len(), frames.len());
    for (frame, together) in frames.iter().zip(together) {
        let alone = engine.run(frame, Preprocessing::default(), &layers).unwrap();
        for (alone, together) in alone.iter().zip(together.unwrap()) {
            assert_eq!((alone.layer, alone.shape), (together.layer, together.shape));
            assert!(alone.values == together.values, "frame {}, layer {}", frame.id, alone.layer);
        }
    }
    assert!(engine.run_each(&[], Preprocessing::default(), &layers).is_empty());
}

#[test]
fn it_names_every_object_of_the_test_card() {
    let mut engine = engine();
    // 4 seconds an object, of which the last is shared with the next one.
    for turn in 0..Class::ALL.len() as u64 - 1 {
        for number in [turn * 120 + 5, turn * 120 + 60] {
            let card = testcard::draw(number);
            let (name, probability) = answer(&mut engine, (testcard::WIDTH, testcard::HEIGHT), &card);
            assert_eq!(name, testcard::object_name(number), "frame {number}");
            assert!(probability > 0.4, "frame {number}: {name} with {probability}");
        }
    }
}

#[test]
fn it_names_pictures_that_other_tools_drew() {
    let mut engine = engine();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shapes");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let picture = image::open(&path).unwrap().to_rgb8();
        let (name, _) = answer(&mut engine, picture.dimensions(), &picture);
        assert_eq!(name, path.file_stem().unwrap().to_string_lossy(), "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 10);
}
