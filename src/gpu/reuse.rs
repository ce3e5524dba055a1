//! What is used again instead of being made anew, whatever it is: constants by their key, and pools of what changes. A sweep lets
//! go what was not used since the one before.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What never changes, by its key. Beside each value: whether it was used since the last sweep.
#[derive(Debug)]
pub(super) struct Cache<K, V>(Mutex<HashMap<K, (V, bool)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> V {
        let mut known = locked(&self.0);
        if let Some((value, is_used)) = known.get_mut(&key) {
            *is_used = true;
            return value.clone();
        }
        let value = make(&key);
        known.insert(key, (value.clone(), true));
        value
    }

    pub fn sweep(&self) {
        locked(&self.0).retain(|_, (_, is_used)| std::mem::take(is_used));
    }
}

/// By their numbers, counted as they were made. Beside each: whether it came back since the last sweep.
type Alike<R> = BTreeMap<u64, (R, bool)>;

/// What nobody holds at the moment, by its key and in the order in which it was made: the oldest is used again first, so that
/// the same few meet again and again in bind groups.
#[derive(Debug)]
pub(super) struct Pool<K, R> {
    free: Mutex<HashMap<K, Alike<R>>>,
    made: AtomicU64,
}

impl<K, R> Default for Pool<K, R> {
    fn default() -> Self {
        Self { free: Mutex::default(), made: AtomicU64::new(0) }
    }
}

impl<K: Eq + Hash + Copy, R> Pool<K, R> {
    pub fn take(self: &Arc<Self>, key: K, make: impl FnOnce() -> R) -> Pooled<K, R> {
        let found = locked(&self.free).get_mut(&key).and_then(BTreeMap::pop_first);
        let (number, (resource, _)) =
            found.unwrap_or_else(|| (self.made.fetch_add(1, Ordering::Relaxed), (make(), true)));
        Pooled(Arc::new(Lease { pool: self.clone(), key, number, resource: Some(resource) }))
    }

    pub fn sweep(&self) {
        locked(&self.free).retain(|_, alike| {
            alike.retain(|_, (_, is_fresh)| std::mem::take(is_fresh));
            !alike.is_empty()
        });
    }
}

#[derive(Debug)]
struct Lease<K: Eq + Hash + Copy, R> {
    pool: Arc<Pool<K, R>>,
    key: K,
    number: u64,
    /// There until it is dropped.
    resource: Option<R>,
}

impl<K: Eq + Hash + Copy, R> Drop for Lease<K, R> {
    fn drop(&mut self) {
        if let Some(resource) = self.resource.take() {
            locked(&self.pool.free).entry(self.key).or_default().insert(self.number, (resource, true));
        }
    }
}

/// Used again for something else when its last holder is gone: hold it until what reads it is submitted.
#[derive(Debug)]
pub struct Pooled<K: Eq + Hash + Copy, R>(Arc<Lease<K, R>>);

impl<K: Eq + Hash + Copy, R> Clone for Pooled<K, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Eq + Hash + Copy, R> Deref for Pooled<K, R> {
    type Target = R;

    fn deref(&self) -> &R {
        let Some(resource) = &self.0.resource else { unreachable!("taken only by drop") };
        resource
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_by_none_is_used_again_and_let_go_when_none_wants_it() {
        let pool = Arc::new(Pool::<u64, &str>::default());
        let (first, second) = (pool.take(4, || "first"), pool.take(4, || "second"));
        let clone = first.clone();
        drop((first, second));
        assert_eq!(*pool.take(4, || "third"), "second", "the first is still held");
        assert_eq!(*pool.take(8, || "larger"), "larger");
        drop(clone);
        assert_eq!(*pool.take(4, || "third"), "first", "the oldest");
        pool.sweep();
        assert_eq!(*pool.take(4, || "third"), "first", "used since the sweep before");
        pool.sweep();
        pool.sweep();
        assert_eq!(*pool.take(4, || "third"), "third");
        assert!(!locked(&pool.free).contains_key(&8));
    }

    #[test]
    fn a_constant_is_made_once_as_long_as_it_is_used() {
        let cache = Cache::<u8, u8>::default();
        let mut made = 0;
        let mut get = |cache: &Cache<u8, u8>| {
            cache.get(7, |key| {
                made += 1;
                key * made
            })
        };
        assert_eq!(get(&cache), 7);
        cache.sweep();
        assert_eq!(get(&cache), 7);
        cache.sweep();
        cache.sweep();
        assert_eq!(get(&cache), 14);
    }
}
