//! Values that are made once, and shared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by their keys. No lock is held while one is made: what is being made may ask for others,
/// and an error or a panic on the way leaves the cache as it was. Two threads that ask for the same
/// value at the same time both make it; the first is kept.
pub(super) struct Cache<K, V>(Mutex<Vec<(K, Arc<V>)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, V> Cache<K, V> {
    /// The value of `key`, made unless it is known.
    pub fn get_or_make<E>(&self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E>
    where
        K: Clone,
    {
        if let Some(known) = self.get(key) {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        let mut all = self.lock();
        if let Some(first) = find(&all, key) {
            return Ok(first);
        }
        all.push((key.clone(), made.clone()));
        Ok(made)
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        find(&self.lock(), key)
    }

    /// Nothing that can panic runs under the lock; if something did, the list would still be whole.
    fn lock(&self) -> MutexGuard<'_, Vec<(K, Arc<V>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<K: PartialEq, V>(all: &[(K, Arc<V>)], key: &K) -> Option<Arc<V>> {
    all.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_value_is_made_once_and_failures_leave_nothing_behind() {
        let cache: Cache<u32, String> = Cache::default();
        let failed = cache.get_or_make(&1, || Err("no")).unwrap_err();
        assert_eq!(failed, "no");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = cache.get_or_make::<()>(&1, || panic!("a broken kernel"));
        }));
        assert!(panicked.is_err());
        let made = cache.get_or_make::<()>(&1, || Ok("one".to_owned())).unwrap();
        let again = cache.get_or_make::<()>(&1, || unreachable!("it is known")).unwrap();
        assert!(Arc::ptr_eq(&made, &again));
    }

    #[test]
    fn what_is_being_made_may_ask_for_others() {
        let cache: Cache<u32, u32> = Cache::default();
        let inner = |key: &u32| cache.get_or_make::<()>(key, || Ok(key + 1)).unwrap();
        let outer = cache.get_or_make::<()>(&1, || Ok(10 * *inner(&2) + *inner(&1))).unwrap();
        // The inner value of the same key came first.
        assert_eq!((*outer, *inner(&2)), (2, 3));
    }
}
