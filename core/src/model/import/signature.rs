//! The graph's inputs and outputs.

use super::super::pb;
use super::super::pb::tensor_proto::DataType;
use super::super::pb::tensor_shape_proto::dimension::Value as Dimension;
use super::super::{ActivationQuantization, NodeKind};
use super::{Binding, Importer, MOST_ELEMENTS, ModelErrorKind, Result, ValueId, node_name};

/// What an output of real numbers may be declared as.
const REAL: &[DataType] = &[
    DataType::Undefined,
    DataType::Float,
    DataType::Float16,
    DataType::Bfloat16,
    DataType::Double,
];

impl Importer<'_> {
    /// All inputs, in the order of the file. `input_shape` is that of the only one, without batch.
    pub(super) fn bind_inputs(&mut self, input_shape: Option<&[usize]>) -> Result<Vec<ValueId>> {
        let inputs = &self.file.graph().input;
        if inputs.is_empty() {
            return Err(ModelErrorKind::Signature(
                "has no input; expected an image or other tensors".into(),
            ));
        }
        if let (Some(_), [_, second, ..]) = (input_shape, &inputs[..]) {
            return Err(ModelErrorKind::Signature(format!(
                "has several inputs (\"{}\" and others), so that one shape says too little; \
                 export it with fixed shapes",
                second.name
            )));
        }
        inputs.iter().map(|input| self.bind_input(input, input_shape)).collect()
    }

    fn bind_input(
        &mut self,
        input: &pb::ValueInfoProto,
        input_shape: Option<&[usize]>,
    ) -> Result<ValueId> {
        let fail = |reason: String| {
            ModelErrorKind::Signature(format!("input \"{}\" {reason}", super::plain(&input.name)))
        };
        let tensor = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        let Some(pb::type_proto::Value::TensorType(tensor)) = tensor else {
            return Err(fail("is no tensor".into()));
        };
        let kind = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
        let whole = matches!(kind, DataType::Int32 | DataType::Int64 | DataType::Bool);
        if !whole && !matches!(kind, DataType::Float | DataType::Uint8 | DataType::Int8) {
            return Err(fail(format!(
                "is of the type {}; expected float32, uint8, int8, int32, int64 or bool",
                kind.as_str_name()
            )));
        }
        let dims: Vec<_> =
            tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.value.clone()).collect();
        if dims.is_empty() {
            return Err(fail("has 0 dimensions; expected the batch and at least one more".into()));
        }
        let shape = fixed_shape(input, &dims, input_shape)?;
        let elements = shape.iter().map(|&size| size as u128).fold(1, u128::saturating_mul);
        if elements > MOST_ELEMENTS {
            return Err(fail(format!(
                "has the shape {shape:?}, more than {MOST_ELEMENTS} elements; check it"
            )));
        }
        let id = self.add_value(&input.name, &input.name, shape);
        self.values[id].integer = whole;
        if matches!(kind, DataType::Uint8 | DataType::Int8) {
            self.bytes.insert(input.name.clone());
        }
        self.bindings.insert(input.name.clone(), Binding::Value(id));
        Ok(id)
    }

    /// All outputs, in the order of the file.
    pub(super) fn outputs(&mut self) -> Result<Vec<ValueId>> {
        let file = self.file;
        let outputs = file.graph().output.iter().map(|output| {
            let value = self.output(&output.name)?;
            self.check_declared(output, value)?;
            Ok(value)
        });
        outputs.collect()
    }

    /// That an output of real numbers is declared as such.
    fn check_declared(&self, output: &pb::ValueInfoProto, value: ValueId) -> Result<()> {
        let value = &self.values[value];
        let declared = output.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        if let Some(pb::type_proto::Value::TensorType(tensor)) = declared
            && let Ok(kind) = DataType::try_from(tensor.elem_type)
            && !REAL.contains(&kind)
            && !value.integer
            && value.quantization.is_none()
        {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" is declared as {}, but its nodes make real numbers; end the model with \
                 a QuantizeLinear, or a Cast to float32",
                super::plain(&output.name),
                kind.as_str_name()
            )));
        }
        Ok(())
    }

    fn output(&mut self, name: &str) -> Result<ValueId> {
        match self.bindings.get(name) {
            Some(Binding::Value(id)) => Ok(*id),
            Some(&Binding::Codes(codes)) => {
                // Codes that leave the network are the numbers that they are.
                let zero_point = if codes.signed { 128 } else { 0 };
                let shape = self.values[codes.value].shape.clone();
                let numbers = self.add_value(name, name, shape);
                self.values[numbers].quantization =
                    Some(ActivationQuantization { scale: 1.0, zero_point });
                let maker = pb::NodeProto { output: vec![name.into()], ..Default::default() };
                let inputs = vec![codes.value];
                self.add_node(node_name(&maker), "(output)", NodeKind::Recode, inputs, numbers);
                Ok(numbers)
            }
            _ => Err(ModelErrorKind::Signature(format!(
                "output \"{}\" does not depend on the input",
                super::plain(name)
            ))),
        }
    }
}

/// The shape for one image: the batch is 1.
fn fixed_shape(
    input: &pb::ValueInfoProto,
    dims: &[Option<Dimension>],
    input_shape: Option<&[usize]>,
) -> Result<Vec<usize>> {
    if let Some(given) = input_shape
        && given.len() != dims.len() - 1
    {
        return Err(ModelErrorKind::Signature(format!(
            "input \"{}\" has {} dimensions beside the batch, the given shape has {}",
            super::plain(&input.name),
            dims.len() - 1,
            given.len()
        )));
    }
    let mut shape = vec![1];
    for (axis, dim) in dims.iter().enumerate().skip(1) {
        let fixed = match dim {
            Some(Dimension::DimValue(value)) if *value > 0 => Some(*value as usize),
            _ => None,
        };
        let given = input_shape.map(|given| given[axis - 1]);
        match (fixed, given) {
            (Some(fixed), Some(given)) if fixed != given => {
                return Err(ModelErrorKind::Signature(format!(
                    "input \"{}\" has {fixed} in dimension {axis}, the given shape has {given}",
                    super::plain(&input.name)
                )));
            }
            (Some(size), _) | (None, Some(size)) if size > 0 => shape.push(size),
            _ => {
                return Err(ModelErrorKind::DynamicShape {
                    input: super::plain(&input.name),
                    shape: super::plain(&shape_text(dims)),
                    axis,
                });
            }
        }
    }
    Ok(shape)
}

fn shape_text(dims: &[Option<Dimension>]) -> String {
    let dims: Vec<_> = dims
        .iter()
        .map(|dim| match dim {
            Some(Dimension::DimValue(value)) => value.to_string(),
            Some(Dimension::DimParam(name)) => name.clone(),
            None => "?".into(),
        })
        .collect();
    format!("[{}]", dims.join(", "))
}
