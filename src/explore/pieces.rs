//! Who does pieces of explorations in other processes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use recoup_core::design::Design;
use recoup_core::model::threads::run_apart;
use recoup_core::watch::Unwatched;
use recoup_explore::explorer::PREFIX_BYTES;
use recoup_explore::inputs::Inputs;
use recoup_explore::key::ExperimentKey;
use recoup_explore::runner::{Piece, PieceResult, Worker};
use recoup_explore::subject::Emulated;

use super::{OpenNetwork, explored_inputs, open_sessions};
use crate::error::Result;
use crate::session::Session;

/// Networks on their images, ready to run any design.
pub fn emulated<'a>(networks: &'a [OpenNetwork], inputs: &'a [Inputs<'a>]) -> Vec<Emulated<'a>> {
    let of_each = networks.iter().zip(inputs).map(|(network, inputs)| {
        Emulated::new(&network.experiments, inputs, PREFIX_BYTES, &Unwatched)
    });
    of_each.collect()
}

/// A worker for pieces of explorations of these networks and designs. It knows them by their content:
/// whoever explores has opened the same models and data with the same options, wherever they lie.
pub fn worker<'a>(
    networks: &[OpenNetwork],
    emulated: &'a [Emulated<'a>],
    designs: &[Design],
) -> Worker<'a> {
    let mut worker = Worker::default();
    for (network, emulated) in networks.iter().zip(emulated) {
        let key =
            |experiment| ExperimentKey::new(network.names.clone(), experiment, emulated.inputs);
        let keys: Vec<ExperimentKey> = emulated.experiments.iter().map(key).collect();
        keys.iter().for_each(|key| worker.know_network(&key.key, emulated));
        for design in [&Design::exact(8)].into_iter().chain(designs) {
            let (key, _) = ExperimentKey::of_design(&keys, design).design(design);
            worker.know_design(&key, design);
        }
    }
    worker
}

/// Does pieces of [`explore_sessions_on`](super::explore_sessions_on), one at a time, on threads of
/// its own: they keep what is made ready for the first piece, and end with this.
pub struct SessionsWorker {
    pieces: Sender<Piece>,
    results: Receiver<Result<PieceResult>>,
}

impl SessionsWorker {
    /// Makes sessions ready that whoever explores has opened with the same options, and `designs`, on
    /// so many threads.
    ///
    /// # Errors
    /// As [`explore_sessions_on`](super::explore_sessions_on), before the first piece.
    pub fn new(
        sessions: Vec<Session>,
        designs: Vec<Design>,
        order_seed: u64,
        threads: usize,
    ) -> Result<Self> {
        let (pieces, asked) = channel();
        let (answer, results) = channel();
        let (say_ready, ready) = channel();
        thread::spawn(move || {
            run_apart(threads, move || {
                let networks = open_sessions(sessions, order_seed, &Unwatched);
                let opened = networks.and_then(|networks| {
                    let inputs = explored_inputs(&networks, &Unwatched)?;
                    let emulated = emulated(&networks, &inputs);
                    let mut worker = worker(&networks, &emulated, &designs);
                    // Nobody is there any more when one of these fails.
                    let _ = say_ready.send(Ok(()));
                    for piece in asked {
                        let _ = answer.send(worker.run(&piece).map_err(Into::into));
                    }
                    Ok(())
                });
                if let Err(error) = opened {
                    let _ = say_ready.send(Err(error));
                }
            });
        });
        ready.recv().expect("its thread says how it went")?;
        Ok(Self { pieces, results })
    }

    /// Does a piece. What fails in it is its result.
    ///
    /// # Errors
    /// When it is not one of these sessions and designs.
    pub fn run(&self, piece: Piece) -> Result<PieceResult> {
        self.pieces.send(piece).expect("its thread lives as long as this");
        self.results.recv().expect("its thread answers every piece")
    }
}
