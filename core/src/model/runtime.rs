//! rten, which runs what is float: whole models, single nodes, and stretches of operators.

use std::panic::{AssertUnwindSafe, catch_unwind};

use prost::Message;
use rten::{ModelOptions, RunOptions, Value, ValueOrView};

use super::pb;
use super::pb::tensor_proto::DataType;
use super::threads;

/// A graph that rten runs.
pub(crate) struct Runtime {
    model: rten::Model,
}

impl Runtime {
    /// Prepares `graph`. What is run once only need not be optimised.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn new(
        graph: pb::GraphProto,
        opsets: &[pb::OperatorSetIdProto],
        optimise: bool,
    ) -> Result<Self, String> {
        let proto = pb::ModelProto {
            ir_version: 8,
            opset_import: opsets.to_vec(),
            graph: Some(graph),
            ..Default::default()
        };
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(optimise).prepack_weights(optimise);
        let model = options.load(proto.encode_to_vec()).map_err(|error| reason(&error))?;
        Ok(Self { model })
    }

    /// Runs it on its inputs, in the order in which the graph names them, and gives its outputs
    /// likewise.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn run(&self, inputs: Vec<ValueOrView>) -> Result<Vec<Value>, String> {
        let inputs = self.model.input_ids().iter().copied().zip(inputs).collect();
        let outputs = threads::on_pool(|pool| {
            let options = RunOptions::default().with_thread_pool(Some(pool));
            self.model.run(inputs, self.model.output_ids(), Some(options))
        });
        outputs.map_err(|error| reason(&error))
    }
}

/// What `work` gives on a model whose fusions may be wrong; none if it fails, be it by a panic.
pub(super) fn trial<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}

/// The message of an error of rten, on one line, without control characters.
fn reason(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

/// A graph's input or output; without a shape, rten finds it out by itself.
pub(crate) fn value_info(
    name: &str,
    kind: DataType,
    shape: Option<&[usize]>,
) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dimension =
        |&dim: &usize| Dimension { value: Some(Value::DimValue(dim as i64)), ..Default::default() };
    let shape =
        shape.map(|shape| pb::TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor = pb::type_proto::Tensor { elem_type: kind as i32, shape };
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A graph's output of whatever type it has.
pub(crate) fn untyped(name: &str) -> pb::ValueInfoProto {
    pb::ValueInfoProto { name: name.into(), ..Default::default() }
}
