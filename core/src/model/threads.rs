//! The threads that everything runs on.
//!
//! rten runs a model on a pool of threads of its own kind. Work that hands images to threads and
//! then calls rten from them has to do so in that same pool, or each call waits for another
//! thread. So there is one pool, and a program runs all its work inside [`run`].

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};

use rten::ThreadPool;

static POOL: OnceLock<Arc<ThreadPool>> = OnceLock::new();

thread_local! {
    /// Whether this thread is one of the pool's.
    static IN_POOL: Cell<bool> = const { Cell::new(false) };
    /// A pool of one thread, for a thread that is not.
    static ALONE: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// Runs `work` on `threads` threads. The first call decides how many there are.
pub fn run<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = POOL.get_or_init(|| {
        let pool = Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        pool.run(|| rayon::broadcast(|_| IN_POOL.set(true)));
        pool
    });
    pool.run(work)
}

/// Runs a model of rten's with the pool to run it on.
pub(crate) fn on_pool<R: Send>(call: impl FnOnce(Arc<ThreadPool>) -> R + Send) -> R {
    if let (true, Some(pool)) = (IN_POOL.get(), POOL.get()) {
        return call(pool.clone());
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
    use rayon::prelude::*;

    use super::*;

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
