//! The graph's input and output.

use super::super::check::text::plain;
use super::super::pb;
use super::super::pb::tensor_proto::DataType;
use super::super::pb::tensor_shape_proto::dimension::Value as Dimension;
use super::{Binding, Importer, MOST_ELEMENTS, ModelErrorKind, Result, ValueId};

/// What an output of real numbers may be declared as.
const REAL: &[DataType] = &[
    DataType::Undefined,
    DataType::Float,
    DataType::Float16,
    DataType::Bfloat16,
    DataType::Double,
];

impl Importer<'_> {
    pub(super) fn bind_input(&mut self, input_shape: Option<&[usize]>) -> Result<ValueId> {
        let inputs = self.file.graph().input.iter();
        let inputs: Vec<_> =
            inputs.filter(|input| !self.bindings.contains_key(&input.name)).collect();
        let [input] = inputs[..] else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(ModelErrorKind::Signature(format!(
                "has {} inputs ({}); Recoup evaluates models with one input, an image",
                names.len(),
                names.join(", ")
            )));
        };
        let tensor = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        let Some(pb::type_proto::Value::TensorType(tensor)) = tensor else {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" is no tensor",
                input.name
            )));
        };
        if tensor.elem_type != pb::tensor_proto::DataType::Float as i32 {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" is not float32; export the model with a float32 input",
                input.name
            )));
        }
        let dims: Vec<_> =
            tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.value.clone()).collect();
        if dims.len() < 2 {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has {} dimensions; expected the batch and at least one more",
                input.name,
                dims.len()
            )));
        }
        if let Some(given) = input_shape
            && given.len() != dims.len() - 1
        {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has {} dimensions beside the batch, --input-shape gives {}",
                input.name,
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
                        "input \"{}\" has {fixed} in dimension {axis}, --input-shape gives {given}",
                        input.name
                    )));
                }
                (Some(size), _) | (None, Some(size)) if size > 0 => shape.push(size),
                _ => {
                    return Err(ModelErrorKind::DynamicShape {
                        input: input.name.clone(),
                        shape: shape_text(&dims),
                        axis,
                    });
                }
            }
        }
        let elements =
            shape.iter().try_fold(1, |elements: usize, &size| elements.checked_mul(size));
        if elements.is_none_or(|elements| elements as u128 > MOST_ELEMENTS) {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has the shape {shape:?}, more than {MOST_ELEMENTS} elements; \
                 check --input-shape",
                input.name
            )));
        }
        let id = self.add_value(&input.name, &input.name, shape);
        self.bindings.insert(input.name.clone(), Binding::Value(id));
        Ok(id)
    }

    pub(super) fn output(&self) -> Result<ValueId> {
        let outputs = &self.file.graph().output;
        let [output] = &outputs[..] else {
            let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
            return Err(ModelErrorKind::Signature(format!(
                "has {} outputs ({}); Recoup evaluates models with one output, the class scores",
                names.len(),
                names.join(", ")
            )));
        };
        let Some(Binding::Value(id)) = self.bindings.get(&output.name) else {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" does not depend on the input, or is no float tensor",
                output.name
            )));
        };
        let declared = output.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        if let Some(pb::type_proto::Value::TensorType(tensor)) = declared
            && let Ok(kind) = DataType::try_from(tensor.elem_type)
            && !REAL.contains(&kind)
        {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" is declared as {}, but its nodes make real numbers; export the \
                 model again",
                plain(&output.name),
                kind.as_str_name()
            )));
        }
        let shape = &self.values[*id].shape;
        let classes = shape.iter().copied().max().unwrap_or(0);
        if shape.first() != Some(&1) || self.values[*id].volume() != classes || classes < 2 {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" has the shape {shape:?}; expected one score per class, [1, classes]",
                output.name
            )));
        }
        Ok(*id)
    }
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
