//! The thread on which pictures grow, with a network of its own.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{Engine, Model};
use crate::record::{Came, PreferredRequest, PreferredStore};

/// A picture that nobody has looked at for so long grows no further; it goes on when somebody looks again.
const UNSEEN: Duration = Duration::from_secs(2);

/// A picture as it is now.
#[derive(Clone, Debug)]
pub struct Grown {
    /// Rows of pixels with three levels each.
    pub levels: Arc<[u8]>,
    /// Steps that were done.
    pub done: usize,
    /// The units' value: in what the network last saw, or, of a finished picture, in the picture itself.
    pub value: f32,
    /// True where it came from the cache folder.
    pub was_there: bool,
    /// True where it has grown to its end.
    pub is_whole: bool,
}

/// What is asked for.
#[derive(Clone)]
pub struct Wish {
    /// Of which network.
    pub model: Model,
    /// Which picture.
    pub request: PreferredRequest,
}

impl Wish {
    /// True where the same picture of the same network is meant.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model.weights, &other.model.weights) && self.request == other.request
    }
}

/// What both threads know.
#[derive(Default)]
struct Shared {
    /// What is wanted, and when that was last said.
    wanted: Option<(Wish, Instant)>,
    /// The thread works on it.
    works: bool,
    grown: Option<Result<Grown, String>>,
}

/// Lets pictures grow.
pub struct Grower {
    shared: Arc<Mutex<Shared>>,
    bell: Sender<()>,
}

impl Grower {
    /// Starts the thread. It ends when this is dropped.
    pub fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let (bell, rings) = mpsc::channel();
        let own = shared.clone();
        let spawned = std::thread::Builder::new().name("preferred".into()).spawn(move || work(&own, &rings));
        if let Err(error) = spawned {
            locked(&shared, |shared| {
                shared.grown = Some(Err(format!("no thread could be started: {error}")))
            });
        }
        Self { shared, bell }
    }

    /// Says that this is looked at now, and how far it is; `None` before its first step.
    pub fn look(&self, wish: &Wish) -> Option<Result<Grown, String>> {
        locked(&self.shared, |shared| {
            let is_known = shared.wanted.as_ref().is_some_and(|(known, _)| known.is_same(wish));
            if !is_known {
                shared.grown = None;
            }
            shared.wanted = Some((wish.clone(), Instant::now()));
            let is_done = match &shared.grown {
                Some(Ok(grown)) => grown.is_whole,
                Some(Err(_)) => true,
                None => false,
            };
            if !shared.works && !is_done {
                // Where the thread could not be started, nobody listens.
                let _ = self.bell.send(());
            }
            shared.grown.clone()
        })
    }

    /// True while somebody looks.
    pub fn is_watched(&self) -> bool {
        locked(&self.shared, |shared| {
            shared.wanted.as_ref().is_some_and(|(_, asked)| asked.elapsed() < UNSEEN)
        })
    }
}

impl Drop for Grower {
    fn drop(&mut self) {
        locked(&self.shared, |shared| shared.wanted = None);
    }
}

fn locked<R>(shared: &Mutex<Shared>, change: impl FnOnce(&mut Shared) -> R) -> R {
    change(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

fn work(shared: &Arc<Mutex<Shared>>, rings: &Receiver<()>) {
    // Half of the cores: the view goes on beside it.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = match rayon::ThreadPoolBuilder::new().num_threads((cores / 2).max(1)).build() {
        Ok(pool) => pool,
        Err(error) => {
            return locked(shared, |shared| {
                shared.grown = Some(Err(format!("no threads could be started: {error}")));
            });
        }
    };
    while rings.recv().is_ok() {
        // One ring is enough for all.
        rings.try_iter().for_each(drop);
        let mut engine: Option<(Wish, Engine)> = None;
        while let Some(wish) = locked(shared, |shared| {
            let wanted = shared.wanted.as_ref().filter(|(_, asked)| asked.elapsed() < UNSEEN);
            let is_open = match &shared.grown {
                None => true,
                Some(Ok(grown)) => !grown.is_whole,
                Some(Err(_)) => false,
            };
            let wish = wanted.filter(|_| is_open).map(|(wish, _)| wish.clone());
            shared.works = wish.is_some();
            wish
        }) {
            let same =
                engine.take().filter(|(before, _)| Arc::ptr_eq(&before.model.weights, &wish.model.weights));
            let opened =
                same.map(|(_, engine)| Ok(engine)).unwrap_or_else(|| Engine::new(wish.model.clone(), None));
            match opened {
                Ok(mut own) => {
                    pool.install(|| grow(shared, &wish, &mut own));
                    engine = Some((wish, own));
                }
                Err(error) => tell(shared, &wish, Err(error.to_string())),
            }
        }
    }
}

/// Lets one picture grow until it is whole, another one is wanted, or nobody looks.
fn grow(shared: &Arc<Mutex<Shared>>, wish: &Wish, engine: &mut Engine) {
    let outcome = wish.request.fulfil(engine, &PreferredStore::in_cache(), &mut |growth, value| {
        let (levels, done) = (growth.levels().into(), growth.done());
        tell(shared, wish, Ok(Grown { levels, done, value, was_there: false, is_whole: false }));
        locked(shared, |shared| {
            let wanted = shared.wanted.as_ref();
            wanted.is_some_and(|(wanted, asked)| wanted.is_same(wish) && asked.elapsed() < UNSEEN)
        })
    });
    tell(
        shared,
        wish,
        match outcome {
            Ok((preferred, came)) => Ok(Grown {
                levels: preferred.picture.into_raw().into(),
                done: preferred.info.done,
                value: preferred.info.value,
                was_there: came == Came::Found,
                is_whole: came != Came::Stopped,
            }),
            Err(error) => Err(error.to_string()),
        },
    );
}

/// Says how far a picture is, where it is still the one that is wanted.
fn tell(shared: &Mutex<Shared>, wish: &Wish, grown: Result<Grown, String>) {
    locked(shared, |shared| {
        if shared.wanted.as_ref().is_some_and(|(wanted, _)| wanted.is_same(wish)) {
            shared.grown = Some(grown);
        }
    });
}
