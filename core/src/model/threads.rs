//! The threads that everything runs on.
//!
//! rten runs a model on a pool of threads of its own kind. Work that hands images to threads and
//! then calls rten from them has to do so in that same pool, or each call waits for another
//! thread. So a program runs all its work inside [`run`].

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rten::ThreadPool;

/// By the number of threads.
type Pools = HashMap<usize, Arc<ThreadPool>>;

static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

/// Pools that [`run_apart`] has made and nobody uses, with their numbers of threads.
static FREE: Mutex<Vec<(usize, Arc<ThreadPool>)>> = Mutex::new(Vec::new());

thread_local! {
    /// The pool of this thread, if it is one's.
    static POOL: OnceCell<Arc<ThreadPool>> = const { OnceCell::new() };
    /// A pool of one thread, for a thread that is not.
    static ALONE: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// Runs `work` on so many threads, which stay for the next call.
pub fn run<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    pool(threads.max(1)).run(work)
}

/// Runs `work` on so many threads that run nothing else until it ends: it may wait for what others
/// do in [`run`], and they for it.
pub fn run_apart<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let threads = threads.max(1);
    let free = || FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = {
        let mut free = free();
        let at = free.iter().position(|(count, _)| *count == threads);
        at.map(|at| free.swap_remove(at).1)
    };
    let pool = found.unwrap_or_else(|| make(threads));
    let result = pool.run(work);
    free().push((threads, pool));
    result
}

fn pool(threads: usize) -> Arc<ThreadPool> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.entry(threads).or_insert_with(|| make(threads)).clone()
}

fn make(threads: usize) -> Arc<ThreadPool> {
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    let own = |_: rayon::BroadcastContext| POOL.with(|known| known.set(pool.clone()).is_ok());
    pool.run(|| rayon::broadcast(own));
    pool
}

/// Runs a model of rten's with the pool to run it on.
pub(crate) fn on_pool<R: Send>(call: impl FnOnce(Arc<ThreadPool>) -> R + Send) -> R {
    if let Some(pool) = POOL.with(|pool| pool.get().cloned()) {
        return call(pool);
    }
    let alone = ALONE.with_borrow_mut(|alone| {
        alone.get_or_insert_with(|| Arc::new(ThreadPool::with_num_threads(1))).clone()
    });
    if rayon::current_thread_index().is_none() {
        return call(alone);
    }
    // A thread of another pool would take up other work of that pool while it waits, image after
    // image on one stack. A thread of no pool just waits.
    std::thread::scope(|scope| {
        scope.spawn(|| call(alone)).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn each_number_of_threads_has_a_pool() {
        let threads =
            || (rayon::current_num_threads(), on_pool(|pool| Arc::as_ptr(&pool) as usize));
        let [one, three, again] = [1, 3, 1].map(|count| run(count, threads));
        assert_eq!((one.0, three.0), (1, 3));
        assert_eq!(one, again);
        assert_ne!(one.1, three.1);
    }

    /// Whoever waits in the pool of its number of threads does not take them away.
    #[test]
    fn what_is_run_apart_may_be_waited_for() {
        let own = || on_pool(|pool| Arc::as_ptr(&pool) as usize);
        let apart = || std::thread::scope(|it| it.spawn(|| run_apart(1, own)).join().unwrap());
        let (shared, first) = run(1, || (own(), apart()));
        assert_ne!(shared, first);
        // Its threads are used again, but not by two at a time.
        assert_eq!(apart(), first);
        assert_ne!(run_apart(1, apart), first);
    }

    #[test]
    fn waiting_for_a_model_takes_up_no_other_work() {
        thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let depths: Vec<u32> = pool.install(|| {
            let work = |_| {
                DEPTH.set(DEPTH.get() + 1);
                let depth = DEPTH.get();
                on_pool(|model| {
                    model.run(|| std::thread::sleep(std::time::Duration::from_millis(1)))
                });
                DEPTH.set(DEPTH.get() - 1);
                depth
            };
            (0..200).into_par_iter().map(work).collect()
        });
        assert_eq!(depths, [1; 200]);
    }
}
