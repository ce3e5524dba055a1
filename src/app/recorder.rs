//! The film of a view that goes on: begun and ended by a key. Main thread.

use std::path::Path;
use std::time::Instant;

use super::view::View;
use crate::record::film::{self, Film, FilmError, Format, Pace, Recorded};

/// The film that is recorded, where one is. Dropping it ends that, and tells on the terminal what became of it.
#[derive(Default)]
pub struct Recorder {
    film: Option<Film>,
}

impl Recorder {
    /// Begins a film, or ends the one that is recorded. It goes into a new file in the folder, named by the time. Returns what is
    /// to be told at once.
    pub fn toggle(&mut self, view: &View, folder: &Path, wake: impl Fn() + Send + 'static) -> Option<String> {
        if let Some(film) = &self.film {
            film.stop();
            return None;
        }
        let name =
            format!("film_{}.{}", jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S%.3f"), Format::Mp4.ending());
        self.begin(&folder.join(name), view, wake).err()
    }

    /// Begins a film of this name.
    ///
    /// # Errors
    /// When the system has no thread to give; what else goes wrong is told by [`Self::poll`].
    pub fn begin(
        &mut self,
        path: &Path,
        view: &View,
        wake: impl Fn() + Send + 'static,
    ) -> Result<(), String> {
        let begun = view.outlet.open(film::WAITING);
        let begun = begun.and_then(|intake| Film::start(path, Pace::True, intake, wake));
        self.film = Some(begun.map_err(|error| format!("No film could be begun: {error}"))?);
        Ok(())
    }

    /// What is to be told since the last call.
    pub fn poll(&mut self) -> Option<String> {
        let film = self.film.as_ref()?;
        if let Some(told) = film.told() {
            return Some(told);
        }
        let told = in_words(film.ended()?);
        self.film = None;
        Some(told)
    }

    /// For how long it has been recorded, while a film is.
    pub fn in_words(&self) -> Option<String> {
        self.film.as_ref().map(Film::in_words)
    }

    /// When that is another.
    pub fn next_look(&self) -> Option<Instant> {
        self.film.as_ref().map(Film::next_second)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(film) = self.film.take() {
            film.stop();
            eprintln!("convscope: {}", in_words(film.finish()));
        }
    }
}

fn in_words(ended: Result<Recorded, FilmError>) -> String {
    match ended {
        Ok(recorded) if recorded.files.is_empty() => "The film ended before its first picture.".into(),
        Ok(recorded) => format!("Film: {recorded}"),
        Err(error) => error.to_string(),
    }
}
