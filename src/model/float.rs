//! The float32 reference: the model as tract runs it, untouched by Recoup's own import.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::SimplePlan;
use tract_onnx::tract_hir::internal::{TypedFact, TypedOp};

use super::error::{ModelError, ModelErrorKind};
use super::onnx::OnnxFile;
use super::operator::{floats, guarded, reason};

/// A float32 model of batch 1 that gives the logits and any tensors asked for.
#[derive(Clone)]
pub struct FloatModel {
    plan: Arc<SimplePlan<TypedFact, Box<dyn TypedOp>>>,
    input_shape: Vec<usize>,
}

impl FloatModel {
    /// Prepares the model for an input of `input_shape` (batch 1 included). Besides the logits,
    /// which come last, it will give the ONNX tensors named in `tensors`.
    ///
    /// # Errors
    /// With tract's reason, when it cannot run the model.
    pub fn new(
        file: &OnnxFile,
        input_shape: &[usize],
        tensors: &[&str],
    ) -> Result<Self, ModelError> {
        let build = || -> TractResult<_> {
            let parsed = tract_onnx::onnx()
                .with_ignore_value_info(true)
                .parse(&file.proto, file.directory().to_str())?;
            let mut outputs = Vec::with_capacity(tensors.len() + 1);
            for &name in tensors {
                let outlet = parsed.outlets_by_name.get(name);
                outputs
                    .push(*outlet.ok_or_else(|| TractError::msg(format!("no tensor \"{name}\"")))?);
            }
            let mut model = parsed.model;
            outputs.extend(model.output_outlets()?.to_vec());
            model.select_output_outlets(&outputs)?;
            model.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), input_shape))?;
            SimplePlan::new(model.into_optimized()?)
        };
        let plan = guarded(build).map_err(|error| {
            file.error(ModelErrorKind::Signature(format!(
                "cannot be run in float32: {}",
                reason(&error)
            )))
        })?;
        Ok(Self { plan, input_shape: input_shape.to_vec() })
    }

    /// Runs one image, given in ONNX order; `visit` gets each output's index and elements.
    ///
    /// # Panics
    /// When `image` has not the input's size.
    pub fn run(&self, image: &[f32], mut visit: impl FnMut(usize, &[f32])) {
        let input =
            Tensor::from_shape(&self.input_shape, image).expect("image of the input's size");
        let outputs = self.plan.run(tvec![input.into()]).expect("shapes were checked when planned");
        for (index, output) in outputs.iter().enumerate() {
            visit(index, floats(output));
        }
    }
}
