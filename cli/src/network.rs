//! The network whose data hardware is fed with: the user's, or the one inside this program.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use recoup::Design;
use recoup::data::Labels;

use recoup_core::accuracy::Experiment;
use recoup_core::data::{DataSpec, Preprocess, select};
use recoup_core::model::{ATTENTION_HELP, Attention};
use recoup_core::quantize::Method;

use crate::args::{DataArgs, LabelArgs, MachineArgs, Shape, parse_shape};
use crate::headings;
use crate::parse::parse_positive;
use crate::progress::Bars;
use crate::session;
use crate::values::recodes;
use recoup_zoo::Embedded;

/// A network, where one is given.
#[derive(Args)]
#[command(next_help_heading = headings::MODEL)]
pub struct NetworkArgs {
    /// Take the data of this network, with --data
    #[arg(long, value_name = "FILE.onnx", requires = "data")]
    pub model: Option<PathBuf>,
    /// Shape of the input without the batch, where the model leaves it open: 3x32x32
    #[arg(long, value_parser = parse_shape, value_name = "CxHxW", requires = "model")]
    pub input_shape: Option<Shape>,
    #[arg(long, default_value_t, value_name = "WHERE", requires = "model", help = format!("Where products of two activations run: {ATTENTION_HELP}"))]
    pub attention: Attention,
    /// Images or other arrays, as for eval; labels are not needed
    #[arg(long, value_name = "SPEC", requires = "model")]
    pub data: Option<DataSpec>,
    /// What their labels mean.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// From pixels to the model's input, as for eval
    #[arg(long, default_value = "none", value_name = "PRESET")]
    pub preprocess: Preprocess,
    /// Number of images to calibrate on
    #[arg(long, value_name = "N", value_parser = parse_positive, requires = "model")]
    pub calibration_images: Option<usize>,
}

impl NetworkArgs {
    /// The network, calibrated, and some images for it.
    pub fn open(
        &self,
        images: usize,
        seed: Option<u64>,
        design: &Design,
        machine: &MachineArgs,
    ) -> Result<(Experiment, Vec<Vec<f32>>)> {
        let mut session = match (&self.model, &self.data) {
            (Some(model), Some(data)) => {
                let args = DataArgs {
                    input_shape: self.input_shape.clone(),
                    attention: self.attention,
                    data: data.clone(),
                    labels: self.labels.clone(),
                    preprocess: self.preprocess.clone(),
                    images: Some(images),
                    seed,
                    calibration_images: self.calibration_images,
                    calibration_data: None,
                    calibration_method: Method::MeanSquare,
                };
                let recoded = recodes(design.weights);
                session::open(model, &args, None, Labels::Unused, recoded, machine)?
            }
            _ => {
                let mut session = Embedded::Resnet8.session(None)?;
                session.indices = select(session.dataset.len(), Some(images), seed)?;
                session.isa = session::isa(machine);
                session
            }
        };
        let images = session.inputs(images)?;
        Ok((session.experiment(design.weight_scheme()?, &Bars::default())?, images))
    }
}
