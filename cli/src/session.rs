//! A session as the command line says.

use std::path::Path;

use recoup::data::{Data, Labels};
use recoup::{Session, SessionOptions};
use recoup_kernels::Isa;

use crate::args::{DataArgs, MachineArgs};

/// Opens a model and what `args` name, with the calibration in a file if there is one.
pub fn open(
    model: &Path,
    args: &DataArgs,
    calibration: Option<&Path>,
    labels: Labels,
    weights_by_channel: bool,
    machine: &MachineArgs,
) -> recoup::Result<Session> {
    let options = SessionOptions {
        data: Data::Files(args.data.clone()),
        labels,
        classes: args.labels.classes.clone(),
        label_offset: args.labels.label_offset.unwrap_or(0),
        input_shape: args.input_shape.as_ref().map(|shape| shape.0.clone()),
        attention: args.attention,
        weights_by_channel,
        preprocess: args.preprocess.clone(),
        images: args.images,
        seed: args.seed,
        calibration_images: args.calibration_images,
        calibration_data: args.calibration_data.clone().map(Data::Files),
        calibration_method: args.calibration_method,
        calibration: calibration.map(Path::to_owned),
    };
    let mut session = Session::open(model, options)?;
    session.isa = isa(machine);
    Ok(session)
}

/// The kernels' instruction set.
pub fn isa(machine: &MachineArgs) -> Isa {
    machine.isa.unwrap_or_else(Isa::best)
}
