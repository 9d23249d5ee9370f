//! Who works on what, so that processes which share a file do not do the same.
//!
//! A claim saves work, no more: two workers on one design, because a clock jumped or a
//! worker was taken for dead, both arrive at the same result.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, OptionalExtension};

/// A worker that has not been heard of for so long is taken for dead, s. The same holds for one
/// whose last sign of life is as far in the future: a clock has been changed.
pub const STALE_S: i64 = 60;

/// Whether a design is ours to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is.
    Ours,
    /// This worker is at it.
    Others(String),
}

/// A name that no other worker has: host, process and a number in it.
pub(super) fn worker_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{}:{}:{number}", host(), std::process::id())
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Whether a worker's process is known to have ended. Where that cannot be told, its claims
/// go stale.
fn has_ended(worker: &str) -> bool {
    let mut parts = worker.rsplitn(3, ':');
    let (_, process, its_host) = (parts.next(), parts.next(), parts.next());
    let (Some(process), Some(its_host)) = (process, its_host) else { return false };
    let tells = !its_host.is_empty() && its_host == host() && Path::new("/proc/self").exists();
    tells && !Path::new("/proc").join(process).exists()
}

/// Who has claimed a design, and still lives.
pub(super) fn holder(
    connection: &Connection,
    key: &str,
    now: i64,
) -> rusqlite::Result<Option<String>> {
    let text = "SELECT worker, heartbeat FROM claim WHERE key = ?1";
    let held: Option<(String, i64)> =
        connection.query_row(text, [key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let lives = |heartbeat: i64| now.saturating_sub(heartbeat).saturating_abs() <= STALE_S;
    let held = held.filter(|(holder, heartbeat)| lives(*heartbeat) && !has_ended(holder));
    Ok(held.map(|(holder, _)| holder))
}
