//! Work that takes long: how far it has come, and whether it shall stop.

/// Looks at work that takes long. A function of the number of steps since its last call is one.
pub trait Watch: Sync {
    /// So many steps begin, of what is named; 0 where nobody knows how many it will be.
    fn begin(&self, what: &'static str, steps: usize);

    /// So many more of them are done.
    fn advance(&self, steps: usize);

    /// How it stands, in words that the next ones replace.
    fn state(&self, _: &str) {}

    /// All of them are.
    fn end(&self) {}

    /// Something that whoever waits should know, in words.
    fn note(&self, _: &str) {}

    /// Whether the work shall stop, with an error that says so; asked at least for every image, and
    /// several times a second while another program runs.
    fn is_stopped(&self) -> bool {
        false
    }
}

impl<F: Fn(usize) + Sync> Watch for F {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, steps: usize) {
        self(steps);
    }
}

/// Nobody looks.
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, _: usize) {}
}

/// Stops a part of some work as the whole is stopped, which counts its own steps.
pub struct StopOnly<'a>(pub &'a dyn Watch);

impl Watch for StopOnly<'_> {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, _: usize) {}

    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

/// What was being watched was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was stopped")]
pub struct Stopped;

/// An error if the work shall stop.
///
/// # Errors
/// [`Stopped`].
pub fn go_on(watch: &(impl Watch + ?Sized)) -> Result<(), Stopped> {
    match watch.is_stopped() {
        true => Err(Stopped),
        false => Ok(()),
    }
}
