//! `recoup inspect`.

use anyhow::Result;

use recoup_core::model::{self, OnnxFile};

use crate::args::InspectArgs;
use crate::printer;

/// Prints the graph as Recoup runs it.
pub fn run(args: &InspectArgs) -> Result<()> {
    let file = OnnxFile::open(&args.model)?;
    let shape = args.input_shape.as_ref().map(|shape| shape.0.as_slice());
    let graph = model::load_with(&file, shape, args.attention)?;
    printer::graph(&args.model, &graph, args.json)
}
