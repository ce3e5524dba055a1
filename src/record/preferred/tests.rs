use super::*;
use crate::engine::{ModelOptions, OpenedModel, WeightsSpec};
use crate::model::Place;
use crate::prefer::Method;

fn engine() -> Engine {
    let opened = OpenedModel::open(&WeightsSpec::Embedded, &ModelOptions::default(), None).unwrap();
    Engine::new(opened.load(Default::default(), &mut |_| {}).unwrap(), None).unwrap()
}

fn request(steps: usize, size: usize) -> PreferredRequest {
    let settings = Settings { method: Method::Fourier, steps, seed: 4, size: [size, size] };
    PreferredRequest { origin: TraceOrigin::channel(45, 3, Place::Strongest), settings }
}

#[test]
fn a_picture_grows_is_kept_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = PreferredStore::at(folder.path().join("new"));
    let mut engine = engine();
    // Fewer steps than two dozen are still finding their way.
    let request = request(32, 60);
    let mut seen = vec![];
    let mut each = |growth: &Growth, value: f32| {
        seen.push((growth.done(), value));
        true
    };
    let (grown, came) = request.fulfil(&mut engine, &store, &mut each).unwrap();
    assert_eq!((came, grown.info.done, grown.info.steps), (Came::Grown, 32, 32));
    assert!(seen.last().unwrap().1 > seen[0].1, "{seen:?}");
    assert!(grown.info.climbed > grown.info.first_climbed, "{:?}", grown.info);
    assert!(grown.info.value > grown.info.first_value, "{:?}", grown.info);
    assert_eq!(grown.picture.dimensions(), (60, 60));

    let nothing = &mut |_: &Growth, _| panic!("it is there");
    let (found, came) = request.fulfil(&mut engine, &store, nothing).unwrap();
    assert_eq!(came, Came::Found);
    assert_eq!(found, grown);
    assert_eq!(Preferred::from_png(&grown.to_png().unwrap()), Some(found));

    // Other settings, another picture.
    let other = PreferredRequest { settings: Settings { steps: 1, ..request.settings }, ..request.clone() };
    assert_eq!(other.fulfil(&mut engine, &store, &mut |_, _| true).unwrap().1, Came::Grown);

    // A damaged file is as good as none.
    for entry in std::fs::read_dir(folder.path().join("new")).unwrap() {
        std::fs::write(entry.unwrap().path(), b"\x89PNG").unwrap();
    }
    assert_eq!(other.fulfil(&mut engine, &store, &mut |_, _| true).unwrap().1, Came::Grown);
}

#[test]
fn a_picture_that_was_stopped_goes_on_and_ends_the_same() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [whole, paused] = folders.each_ref().map(|folder| PreferredStore::at(folder.path().into()));
    let mut engine = engine();
    let request = request(6, 40);
    let (expected, _) = request.fulfil(&mut engine, &whole, &mut |_, _| true).unwrap();
    let (stopped, came) = request.fulfil(&mut engine, &paused, &mut |growth, _| growth.done() < 2).unwrap();
    assert_eq!((came, stopped.info.done), (Came::Stopped, 2));
    let mut first = None;
    let mut each = |growth: &Growth, _| {
        first.get_or_insert(growth.done());
        true
    };
    let (grown, came) = request.fulfil(&mut engine, &paused, &mut each).unwrap();
    assert_eq!((came, first), (Came::Grown, Some(3)));
    assert_eq!(grown, expected);
    // Nothing is left to go on with.
    assert_eq!(std::fs::read_dir(folders[1].path()).unwrap().count(), 1);
}

#[test]
fn the_most_probable_class_is_no_unit_without_a_picture() {
    let mut top = request(1, 20);
    top.origin = TraceOrigin::of(crate::inspect::Start::TopClass);
    let store = PreferredStore::at(tempfile::tempdir().unwrap().path().into());
    let outcome = top.fulfil(&mut engine(), &store, &mut |_, _| true);
    assert!(matches!(outcome, Err(PreferredError::NoUnit)));
}
