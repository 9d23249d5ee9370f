//! The threads that everything runs on.
//!
//! rten runs a model on a pool of threads of its own kind. Work that hands images to threads and
//! then calls rten from them has to do so in that same pool, or each call waits for another
//! thread. So there is one pool, and a program runs all its work inside [`run`].

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use rten::ThreadPool;

static POOL: OnceLock<Arc<ThreadPool>> = OnceLock::new();

thread_local! {
    /// The pool that this thread belongs to, or one thread for it alone.
    static CURRENT: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// Runs `work` on `threads` threads. The first call decides how many there are.
pub fn run<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = POOL.get_or_init(|| Arc::new(ThreadPool::with_num_threads(threads.max(1))));
    pool.run(work)
}

/// The pool to run a model on: the common one, or outside of it one thread.
pub(crate) fn current() -> Arc<ThreadPool> {
    CURRENT.with_borrow_mut(|current| {
        let pool = current.get_or_insert_with(|| match POOL.get() {
            Some(pool) => pool.clone(),
            None => Arc::new(ThreadPool::with_num_threads(1)),
        });
        pool.clone()
    })
}
