//! One ONNX node as a small tract model of its own: shape inference, constant folding, and the
//! evaluation of operators that Recoup has no code for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::SimplePlan;
use tract_onnx::tract_hir::internal::{TypedFact, TypedOp};

use super::movement::storage_order;

type Plan = SimplePlan<TypedFact, Box<dyn TypedOp>>;

/// What feeds one input of a node.
#[derive(Clone)]
pub(crate) enum Feed {
    /// An optional input that is left out.
    Absent,
    /// A constant.
    Constant(Arc<Tensor>),
    /// A float tensor of this shape that is known only at run time.
    Runtime(Vec<usize>),
}

/// An ONNX node that tract evaluates, for inputs of fixed shape. Inputs and outputs are float
/// tensors in ONNX order, constants are built in.
pub struct Operator {
    plan: Arc<Plan>,
    output_shapes: Vec<Vec<usize>>,
    output_types: Vec<DatumType>,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Operator(-> {:?})", self.output_shapes)
    }
}

impl Operator {
    /// Builds the evaluator of `node`.
    ///
    /// # Errors
    /// With tract's reason, when it does not know the operator or refuses its inputs.
    pub(crate) fn new(
        node: &pb::NodeProto,
        feeds: &[Feed],
        opsets: &[pb::OperatorSetIdProto],
    ) -> Result<Self, String> {
        guarded(|| build(node, feeds, opsets)).map_err(|error| reason(&error))
    }

    /// Shapes of the outputs.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }

    /// Whether every output is float32.
    pub(crate) fn is_float(&self) -> bool {
        self.output_types.iter().all(|datum| *datum == f32::datum_type())
    }

    /// Evaluates the node on its run-time inputs, given as shapes and elements in storage order,
    /// and returns the outputs' elements in storage order.
    ///
    /// # Errors
    /// With tract's reason; shapes were checked when the node was built.
    pub fn run_stored(&self, inputs: Vec<(&[usize], Vec<f32>)>) -> Result<Vec<Vec<f32>>, String> {
        let to_onnx_order = |(shape, stored): (&[usize], Vec<f32>)| {
            let mut elements = vec![0.0; stored.len()];
            for (position, logical) in storage_order(shape).enumerate() {
                elements[logical] = stored[position];
            }
            Tensor::from_shape(shape, &elements).map_err(|error| reason(&error))
        };
        let inputs = inputs.into_iter().map(to_onnx_order).collect::<Result<_, _>>()?;
        let outputs = self.run(inputs)?;
        let to_storage = |output: &Tensor| {
            let elements = floats(output);
            storage_order(output.shape()).map(|logical| elements[logical]).collect()
        };
        Ok(outputs.iter().map(to_storage).collect())
    }

    /// Evaluates the node on its run-time inputs, in ONNX order.
    pub(crate) fn run(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, String> {
        let inputs = inputs.into_iter().map(TValue::from).collect();
        let outputs = self.plan.run(inputs).map_err(|error| reason(&error))?;
        Ok(outputs.into_iter().map(TValue::into_tensor).collect())
    }
}

/// A float tensor's elements.
///
/// # Panics
/// When it is not float32: callers check [`Operator::is_float`] at build time.
pub(crate) fn floats(tensor: &Tensor) -> &[f32] {
    let view = tensor.try_as_plain_ram().expect("tract keeps CPU tensors in memory");
    view.as_slice::<f32>().expect("checked to be float32")
}

/// The innermost message of a tract error, on one line.
pub(crate) fn reason(error: &TractError) -> String {
    let cause = error.root_cause().to_string();
    let line = cause.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// tract panics on some attributes that make no sense, where an error is due: a model file must
/// not be able to end the program.
pub(crate) fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> TractResult<T> {
    // What tract has built so far is dropped with the panic; nothing half-made stays behind.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(TractError::msg(format!("tract fails on it: {}", text.unwrap_or("no reason given"))))
    })
}

fn build(
    node: &pb::NodeProto,
    feeds: &[Feed],
    opsets: &[pb::OperatorSetIdProto],
) -> TractResult<Operator> {
    let mut graph = pb::GraphProto { name: "node".into(), ..Default::default() };
    // Inputs are renamed by position: one tensor may feed two inputs.
    let mut node = node.clone();
    for (index, feed) in feeds.iter().enumerate() {
        let name = format!("input{index}");
        match feed {
            Feed::Absent => {
                node.input[index].clear();
                continue;
            }
            Feed::Constant(tensor) => graph.initializer.push(tensor_proto(&name, tensor)?),
            Feed::Runtime(shape) => graph.input.push(value_info(&name, Some(shape))),
        }
        node.input[index] = name;
    }
    // A trailing optional output that is left out has no name.
    node.output.retain(|output| !output.is_empty());
    for output in &node.output {
        graph.output.push(value_info(output, None));
    }
    graph.node.push(node);
    let proto = pb::ModelProto {
        ir_version: 8,
        opset_import: opsets.to_vec(),
        graph: Some(graph),
        ..Default::default()
    };
    let model = tract_onnx::onnx()
        .with_ignore_output_types(true)
        .model_for_proto_model(&proto)?
        .into_optimized()?;
    let mut output_shapes = Vec::new();
    let mut output_types = Vec::new();
    for outlet in model.output_outlets()? {
        let fact = model.outlet_fact(*outlet)?;
        let shape = fact.shape.as_concrete();
        let shape =
            shape.ok_or_else(|| TractError::msg("the shape of its output depends on data"))?;
        output_shapes.push(shape.to_vec());
        output_types.push(fact.datum_type);
    }
    Ok(Operator { plan: SimplePlan::new(model)?, output_shapes, output_types })
}

fn value_info(name: &str, shape: Option<&[usize]>) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let shape = shape.map(|shape| pb::TensorShapeProto {
        dim: shape
            .iter()
            .map(|&dim| Dimension {
                value: Some(Value::DimValue(dim as i64)),
                ..Default::default()
            })
            .collect(),
    });
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(pb::type_proto::Tensor {
                elem_type: DataType::Float as i32,
                shape,
            })),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn tensor_proto(name: &str, tensor: &Tensor) -> TractResult<pb::TensorProto> {
    let data_type = match tensor.datum_type() {
        DatumType::Bool => DataType::Bool,
        DatumType::U8 => DataType::Uint8,
        DatumType::I8 => DataType::Int8,
        DatumType::I32 => DataType::Int32,
        DatumType::I64 | DatumType::TDim => DataType::Int64,
        DatumType::F16 => DataType::Float16,
        DatumType::F32 => DataType::Float,
        DatumType::F64 => DataType::Double,
        other => {
            return Err(TractError::msg(format!("constants of type {other:?} are not supported")));
        }
    };
    // tract's symbolic dimensions are all concrete here: batch and image size are fixed.
    let tensor = match tensor.datum_type() {
        DatumType::TDim => tensor.cast_to::<i64>()?,
        _ => std::borrow::Cow::Borrowed(tensor),
    };
    Ok(pb::TensorProto {
        name: name.into(),
        dims: tensor.shape().iter().map(|&dim| dim as i64).collect(),
        data_type: data_type as i32,
        raw_data: tensor.as_bytes().to_vec(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::attribute_proto::AttributeType;

    #[test]
    fn an_axis_that_does_not_exist_is_an_error() {
        let axes = pb::AttributeProto {
            name: "axes".into(),
            r#type: AttributeType::Ints as i32,
            ints: vec![-100],
            ..Default::default()
        };
        let node = pb::NodeProto {
            input: vec!["x".into()],
            output: vec!["y".into()],
            op_type: "ReduceMean".into(),
            attribute: vec![axes],
            ..Default::default()
        };
        let opset = pb::OperatorSetIdProto { domain: String::new(), version: 13 };
        let message =
            Operator::new(&node, &[Feed::Runtime(vec![1, 2, 3, 4])], &[opset]).unwrap_err();
        assert!(message.contains("rank and axis"), "{message}");
    }
}
