//! Bytes with random access: a file, a temporary file or memory.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::DataError;
use recoup_circuits::regular_file;

/// Read-only bytes; reading takes `&self`, so that threads can share one.
pub(super) enum Store {
    File(positioned::File),
    Memory(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Store {
    pub fn memory(bytes: Vec<u8>) -> Store {
        Store::Memory(Arc::new(bytes))
    }

    pub fn file(file: File) -> Store {
        Store::File(positioned::File::new(file))
    }

    /// Fills `buffer` from `offset` on, or fails with `UnexpectedEof`.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Store::File(file) => file.read_exact_at(buffer, offset),
            Store::Memory(bytes) => {
                let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
                let found = start
                    .checked_add(buffer.len())
                    .and_then(|end| (**bytes).as_ref().get(start..end))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(found);
                Ok(())
            }
        }
    }
}

/// Makes a store: checks bytes, or decompresses them.
type Make = Box<dyn Fn() -> Result<Store, DataError> + Send>;

/// A store that is made when it is first needed, so that what headers say can be checked before.
pub(super) struct LazyStore {
    store: OnceLock<Store>,
    make: Mutex<Option<Make>>,
}

impl LazyStore {
    pub fn new(make: impl Fn() -> Result<Store, DataError> + Send + 'static) -> LazyStore {
        LazyStore { store: OnceLock::new(), make: Mutex::new(Some(Box::new(make))) }
    }

    /// The store; made now if it is not yet, while other threads wait.
    pub fn get(&self) -> Result<&Store, DataError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let mut make = self.make.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = make.as_ref().map(|make| make()).transpose()? {
            // Nobody else can have set it: whoever sets it takes `make` away under the lock.
            let _ = self.store.set(made);
            *make = None;
        }
        Ok(self.store.get().expect("made just now, or by the thread that had the lock"))
    }
}

impl From<Store> for LazyStore {
    fn from(store: Store) -> LazyStore {
        LazyStore { store: OnceLock::from(store), make: Mutex::new(None) }
    }
}

impl fmt::Debug for LazyStore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = self.store.get().map(|store| match store {
            Store::File(_) => "file",
            Store::Memory(_) => "memory",
        });
        f.debug_tuple("LazyStore").field(&kind).finish()
    }
}

#[cfg(unix)]
mod positioned {
    use std::io;
    use std::os::unix::fs::FileExt;

    /// A file read with `pread`, which leaves the shared cursor alone.
    #[derive(Debug)]
    pub struct File(std::fs::File);

    impl File {
        pub fn new(file: std::fs::File) -> File {
            File(file)
        }

        pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.0.read_exact_at(buffer, offset)
        }
    }
}

#[cfg(not(unix))]
mod positioned {
    use std::io::{self, Read, Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};

    /// A file whose cursor is moved under a lock, for want of `pread`.
    #[derive(Debug)]
    pub struct File(Mutex<std::fs::File>);

    impl File {
        pub fn new(file: std::fs::File) -> File {
            File(Mutex::new(file))
        }

        pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            // Every read seeks first: a cursor left anywhere by a panic does no harm.
            let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(buffer)
        }
    }
}

/// Opens a regular file for reading; gives it and its length in bytes.
pub(super) fn open_file(path: &Path) -> Result<(File, u64), DataError> {
    let opened = regular_file(path).and_then(|file| {
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    });
    opened.map_err(|source| DataError::open(path, source))
}

/// A temporary file without a name: it vanishes with the process, even a killed one.
pub(super) fn spool_file() -> Result<File, DataError> {
    tempfile::tempfile().map_err(DataError::spool)
}

/// Reads until `buffer` is full or the input ends; gives the number of bytes read.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The side on which [`copy_declared`] failed.
#[derive(Debug)]
pub(super) enum CopyError {
    Read { copied: u64, source: io::Error },
    Write(io::Error),
}

/// Copies what a header declared, and one byte more if there is one, so that the caller sees
/// both too little and too much while a decompression bomb stays bounded. Gives the number of
/// bytes copied, at most `declared + 1`.
pub(super) fn copy_declared(
    reader: &mut impl Read,
    writer: &mut impl Write,
    declared: u64,
) -> Result<u64, CopyError> {
    let mut limited = reader.take(declared.saturating_add(1));
    let mut buffer = vec![0; 1 << 16];
    let mut copied = 0;
    loop {
        let count =
            fill(&mut limited, &mut buffer).map_err(|source| CopyError::Read { copied, source })?;
        if count == 0 {
            return Ok(copied);
        }
        writer.write_all(&buffer[..count]).map_err(CopyError::Write)?;
        copied += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn memory_and_file_read_alike() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut file = spool_file().unwrap();
        file.write_all(&bytes).unwrap();
        for store in [Store::file(file), Store::memory(bytes.clone())] {
            let mut buffer = [0; 10];
            for offset in [0, 37, 90] {
                store.read_exact_at(&mut buffer, offset).unwrap();
                assert_eq!(buffer, bytes[offset as usize..][..10]);
            }
            for offset in [91, 100, u64::MAX] {
                assert!(store.read_exact_at(&mut buffer, offset).is_err(), "{offset}");
            }
        }
    }

    #[test]
    fn a_lazy_store_is_made_once_and_again_after_an_error() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let lazy = LazyStore::new(move || match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Err(DataError::spool(io::ErrorKind::StorageFull.into())),
            _ => Ok(Store::memory(vec![7])),
        });
        assert!(lazy.get().is_err());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut byte = [0];
                    lazy.get().unwrap().read_exact_at(&mut byte, 0).unwrap();
                    assert_eq!(byte, [7]);
                });
            }
        });
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn copy_stops_one_byte_after_the_declared_size() {
        for (available, declared, copied) in [(9, 10, 9), (10, 10, 10), (11, 10, 11), (999, 10, 11)]
        {
            let mut out = Vec::new();
            let found = copy_declared(&mut io::repeat(1).take(available), &mut out, declared);
            assert_eq!(found.unwrap(), copied);
            assert_eq!(out.len() as u64, copied);
        }
    }
}
