//! What follows a Conv, Gemm or MatMul and can move into its weights and bias.

use rten::Value as Tensor;
use rten_tensor::Layout;

use super::super::attributes::attribute;
use super::super::tensor::numbers;
use super::super::{Operand, ValueId, Weights, pb};
use super::{Binding, Importer, ModelErrorKind, node_name};

/// BatchNormalization at inference: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta,
/// an affine map per channel, axis 1. Returns false when it does not directly follow a layer with
/// weights whose filters lie along that axis.
pub(super) fn batch_norm(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> Result<bool, ModelErrorKind> {
    let Some(Some(Binding::Value(value))) = inputs.first() else { return Ok(false) };
    let parameter = |index: usize| match inputs.get(index) {
        Some(Some(Binding::Constant(tensor, _))) => numbers::<f64>(tensor),
        _ => None,
    };
    let (Some(gamma), Some(beta), Some(mean), Some(variance)) =
        (parameter(1), parameter(2), parameter(3), parameter(4))
    else {
        return Ok(false);
    };
    let training = attribute(proto, "training_mode").is_some_and(|mode| mode.i != 0);
    if training || proto.output.iter().skip(1).any(|output| !output.is_empty()) {
        return Err(ModelErrorKind::node(
            node_name(proto),
            "BatchNormalization",
            "is in training mode; export the model for inference (model.eval())",
        ));
    }
    let epsilon = attribute(proto, "epsilon").map_or(1e-5, |epsilon| epsilon.f) as f64;
    let scales =
        gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt());
    let scales: Vec<f64> = scales.collect();
    let shifts =
        scales.iter().zip(&mean).zip(&beta).map(|((scale, mean), beta)| beta - mean * scale);
    all_finite(proto, "the scale", scales.iter().copied())?;
    all_finite(proto, "the shift", shifts)?;
    let filters_on_axis_1 =
        importer.is_convolution(*value) || importer.value(*value).shape.len() == 2;
    if !filters_on_axis_1 {
        return Ok(false);
    }
    let Some((mac, operator)) = importer.fold_into(*value, proto, gamma.len()) else {
        return Ok(false);
    };
    let depth = mac.shape.depth();
    let scaled = |value: f32, scale: f64| (value as f64 * scale) as f32;
    match &mut mac.loaded {
        Operand::Constant(Weights::Float(weights)) => {
            for (filter, &scale) in weights.chunks_exact_mut(depth).zip(&scales) {
                filter.iter_mut().for_each(|weight| *weight = scaled(*weight, scale));
            }
        }
        Operand::Constant(Weights::Quantized(weights)) => {
            for (step, &scale) in weights.scales.iter_mut().zip(&scales) {
                *step = scaled(*step, scale);
            }
        }
        Operand::Value { .. } => return Ok(false),
    }
    for (filter, bias) in mac.bias.iter_mut().enumerate() {
        *bias = ((*bias as f64 - mean[filter]) * scales[filter] + beta[filter]) as f32;
    }
    operator.push_str("+BatchNormalization");
    Ok(true)
}

/// Add of a constant: one number per filter becomes bias. Returns false for any other constant.
pub(super) fn bias(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    value: ValueId,
    constant: &Tensor,
) -> Result<bool, ModelErrorKind> {
    let shape = &importer.value(value).shape;
    // Filters lie along axis 1 of an image (rank 3 and 4 out of a convolution), else last.
    let convolution = importer.is_convolution(value);
    let axis = if convolution { 1 } else { shape.len() - 1 };
    let filters = shape[axis];
    let trailing = if convolution { shape.len() - 2 } else { 0 };
    let dims = constant.shape();
    let filter_dim = dims.len().checked_sub(1 + trailing);
    // A constant of higher rank would add axes to the result.
    let per_filter = constant.len() == filters
        && dims.len() <= shape.len()
        && filter_dim.is_some_and(|dim| dims[dim] == filters);
    let Some(values) = numbers::<f32>(constant).filter(|_| per_filter) else {
        return Ok(false);
    };
    all_finite(proto, "the constant", values.iter().map(|&value| f64::from(value)))?;
    let Some((mac, operator)) = importer.fold_into(value, proto, filters) else {
        return Ok(false);
    };
    for (bias, value) in mac.bias.iter_mut().zip(values) {
        *bias += value;
    }
    operator.push_str("+Add");
    Ok(true)
}

/// Refuses parameters (one per filter) that are NaN or infinite.
fn all_finite(
    proto: &pb::NodeProto,
    what: &str,
    mut values: impl Iterator<Item = f64>,
) -> Result<(), ModelErrorKind> {
    match values.position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(filter) => Err(ModelErrorKind::node(
            node_name(proto),
            &proto.op_type,
            format!(
                "{what} of filter {filter} is NaN or infinite; the model was probably saved after \
                 training diverged"
            ),
        )),
    }
}
