//! Drawings of things that a person can hold up to a camera: the data set of the embedded network, and objects of the
//! test card.
//!
//! Pure but for reading photographs and fonts from files and [`dataset`], which writes; any thread. Everything depends
//! on seeds alone.

mod backdrop;
mod class;
mod collage;
mod color;
mod creature;
mod crockery;
pub mod dataset;
mod geometry;
mod glyphs;
mod ink;
mod objects;
mod outline;
mod panel;
mod props;
mod random;
mod raster;
mod scene;
mod sensor;
mod sheet;
mod texture;

pub use backdrop::Photo;
pub use class::Class;
pub use glyphs::Fonts;
pub use panel::panel;
pub use props::Props;
pub use random::Random;

/// A picture of a class as a webcam sees it: `size × size` pixels of red, green and blue bytes, rows from top to bottom.
/// The same seed, size and props give the same picture.
pub fn draw(class: Class, seed: u64, size: usize, props: &Props<'_>) -> Vec<u8> {
    let mut random = Random::new(seed.wrapping_mul(31).wrapping_add(class.index() as u64));
    let is_clean = random.chance(0.12);
    let raster = scene::compose(class, is_clean, size, &mut random, props);
    if is_clean && random.chance(0.6) {
        return sensor::whole(&raster);
    }
    sensor::expose(raster, &mut random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props() -> Props<'static> {
        Props { photos: Vec::new(), fonts: Fonts::built_in() }
    }

    /// Mean of the absolute differences of neighbours: 0 for a plain picture.
    fn roughness(rgb: &[u8]) -> f32 {
        let sum: u64 = rgb.windows(4).map(|four| u64::from(four[0].abs_diff(four[3]))).sum();
        sum as f32 / rgb.len() as f32
    }

    #[test]
    fn a_seed_is_a_picture() {
        for class in Class::ALL {
            let picture = draw(class, 5, 72, &props());
            assert_eq!(picture.len(), 72 * 72 * 3);
            assert_eq!(picture, draw(class, 5, 72, &props()), "{class:?}");
            assert_ne!(picture, draw(class, 6, 72, &props()), "{class:?}");
        }
    }

    #[test]
    fn panels_show_something_and_move_smoothly() {
        let empty = panel(Class::Nothing, 0.0, 110, 98);
        assert_eq!(roughness(&empty), 0.0);
        for class in Class::ALL.into_iter().skip(1) {
            let at = |phase: f32| panel(class, phase, 110, 98);
            let change = |a: &[u8], b: &[u8]| {
                let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                sum as f32 / a.len() as f32
            };
            assert_eq!(at(0.0).len(), 110 * 98 * 3);
            assert!(roughness(&at(0.0)) > 0.5, "{class:?}");
            assert!(change(&at(0.0), &at(1.0)) < 0.2, "{class:?} comes back");
            let step = change(&at(0.3), &at(0.302));
            assert!(step > 0.0 && step < 9.0, "{class:?} moves by {step}");
            assert!(change(&at(0.0), &at(0.3)) > 2.0 * step, "{class:?}");
        }
    }

    #[test]
    fn both_typefaces_have_all_signs() {
        assert_eq!(Fonts::built_in().len(), 2);
    }

    #[test]
    fn data_sets_are_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let options = dataset::Options {
            seed: 1,
            count: 31,
            size: 48,
            split: dataset::Split::Train,
            backgrounds: None,
            fonts: Vec::new(),
            raw: true,
        };
        let mut counted = 0;
        dataset::write(folder.path(), &options, &mut |count| counted = count).unwrap();
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let labels = read("labels.u8");
        assert_eq!((counted, labels.len(), read("images.u8").len()), (31, 31, 31 * 48 * 48 * 3));
        assert!((0..27).all(|class| labels.contains(&class)));
        let first = read("images.u8");
        dataset::write(folder.path(), &options, &mut |_| {}).unwrap();
        assert_eq!(first, read("images.u8"));
        let held_out = dataset::Options { split: dataset::Split::HeldOut, raw: false, ..options };
        dataset::write(folder.path(), &held_out, &mut |_| {}).unwrap();
        let hearts: Vec<_> = std::fs::read_dir(folder.path().join("a heart")).unwrap().collect();
        assert_eq!(hearts.len(), 1);
        assert_eq!(read("labels.txt").iter().filter(|byte| **byte == b'\n').count(), 27);
    }
}
