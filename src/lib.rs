//! Deep neural networks on approximate multipliers, with the accuracy recovered by a control
//! variate.
//!
//! # What does my network lose?
//!
//! ```no_run
#![doc = include_str!("../examples/evaluate.rs")]
//! ```
//!
//! A [`Session`] is a model with its images: it holds some out, calibrates on them, and evaluates
//! designs on the others, each beside the float32 network and exact products of 8-bit codes. A
//! [`Design`] is a multiplier with what corrects it and the codes that it gets; it is read from and
//! written as one text, and [`Space`] lists all combinations of options.
//!
//! # Which design should I build?
//!
//! ```no_run
#![doc = include_str!("../examples/explore.rs")]
//! ```
//!
//! Losses are paired, image by image, against exact products; a sequential test leaves a design as
//! soon as its verdict is sure. [`Exploration`] has the answer, every design with its interval, and
//! why the search ended; [`page`] makes one page of a recorded run.
//!
//! # And with my own multiplier?
//!
//! ```no_run
#![doc = include_str!("../examples/own_multiplier.rs")]
//! ```
//!
//! A multiplier is any function of two bytes, a mask of partial products, a table or a netlist.
//!
//! A [`Network`] is calibrated once and evaluated on any images; it runs designs on whatever it is
//! given, too.
//!
//! # What does it cost in silicon?
//!
//! ```no_run
#![doc = include_str!("../examples/array.rs")]
//! ```
//!
//! [`silicon`] also maps arrays onto your cells, and measures their power on the codes of a network.
//!
//! # What takes long, and what goes wrong
//!
//! All that takes long asks a [`Watch`], which shows how far it is and can stop it. An [`Error`] has
//! a [kind](Error::kind), names file, node and place, and carries what would help as a [`Hint`].
//!
//! What is less often needed is in the modules: [`data`], [`design`], [`multipliers`], [`records`]
//! and [`search`]. The work below is done by [`recoup_core`], the search by [`recoup_explore`].

mod columns;
mod error;
mod evaluate;
mod explore;
pub mod layers;
mod named;
mod network;
mod output;
mod page;
mod record;
mod session;
pub mod silicon;

pub use error::{Error, ErrorKind, Hint, Result, hint};
pub use evaluate::{EvaluateOptions, Results};
pub use explore::{Exploration, ExploreOptions, explore};
pub use network::{Emulator, Network};
pub use page::page;
pub use recoup_core::accuracy::Details;
pub use recoup_core::data::{DataSpec, Dataset};
pub use recoup_core::design::{Design, Space};
pub use recoup_core::model::Attention;
pub use recoup_core::model::threads::run as on_threads;
pub use recoup_core::multiplier::Multiplier;
pub use recoup_core::watch::{Unwatched, Watch};
pub use recoup_explore::power::Power;
pub use recoup_explore::sequential::Limit;
pub use session::{Session, SessionOptions};

/// Images, labels and other arrays, where they come from, and what a network makes of them.
pub mod data {
    pub use crate::output::Output;
    pub use crate::session::{CALIBRATION_IMAGES, Data, Labels, read_inputs};
    pub use recoup_circuits::npy::Kind as ElementKind;
    pub use recoup_core::accuracy::Outputs;
    pub use recoup_core::data::{Elements, MemoryArray, Pixels, Preprocess};
    pub use recoup_core::quantize::{Calibration, ChannelScaling, Method};
}

/// What a design is made of, and designs ready to run.
pub mod design {
    pub use crate::evaluate::{candidates, with_reference};
    pub use crate::named::{checked, design};
    pub use recoup_core::control_variate::{
        AttentionConstants, ControlOptions, Loading, Mode, Statistics,
    };
    pub use recoup_core::design::{DesignRecord, Kind};
    pub use recoup_core::quantize::{OutputCorrection, Quantization, WeightCodes, WeightScheme};
    pub use recoup_kernels::WeightCoding;
}

/// Multipliers of one's own: from tables, circuits and names.
pub mod multipliers {
    pub use crate::named::multiplier;
    pub use recoup_circuits::netlist::{Netlist, PortNames};
    pub use recoup_circuits::{Metrics, Operands, ProductTable, printable};
    pub use recoup_core::multiplier::{ImportOptions, Imported};
}

/// Results as typed rows, which JSON and tables are made of.
pub mod records {
    pub use crate::columns::{Column, ColumnKind, design_columns, exploration_columns};
    pub use crate::evaluate::{ExactNode, LayerNoise};
    pub use crate::explore::{
        ConfirmationRecord, ExplorationRecord, MadeRecord, MaskRecord, MeanDesignRecord,
        MeanRecord, NetworkRecord, SearchRecord, TestedRecord, WalkedRecord,
    };
    pub use crate::record::{
        CostRecord, OperatorTime, ProfileRecord, Record, Row, StepRecord, costs,
    };
}

/// The parts of an exploration: its file, its pieces, and who works on them; pieces of an evaluation.
pub mod search {
    pub use crate::evaluate::{
        EvaluationPiece, EvaluationPool, EvaluationResult, EvaluationWorker,
    };
    pub use crate::explore::{
        Confirmation, ExploredNetwork, Made, MakeOptions, OpenNetwork, SessionsWorker, Tested,
        design_of_mask, emulated, explore_on, explore_sessions, explore_sessions_on,
        explored_inputs, make, make_sessions, merge, open_sessions, worker,
    };
    pub use crate::page::{last_page, mean_name, short_name};
    pub use recoup_explore::entry::Settings;
    pub use recoup_explore::masks::{Front, Scored};
    pub use recoup_explore::runner::{
        Budget, Ended, Job, Piece, PieceResult, Pool, Seen, UnknownPiece, Worker,
    };
    pub use recoup_explore::shard::Shard;
    pub use recoup_explore::store::Store;
}
