//! QuantizeLinear and DequantizeLinear: tensors whose codes the model itself brings.

use std::sync::Arc;

use rten::Value as Tensor;
use rten_tensor::Layout;

use super::super::attributes::attribute;
use super::super::tensor::{self, numbers, scalar};
use super::super::{ActivationQuantization, NodeKind, QuantizedWeights, pb};
use super::float::MOVEMENT;
use super::{Binding, Codes, Importer, ModelErrorKind, Result, ValueId, node_name};

const SCALE_OF_INTEGERS: &str = "has a scale of integers; expected float32";

/// A constant that the model stores as codes.
pub(in crate::model) struct QuantizedConstant {
    /// The codes, as whole numbers.
    pub codes: Tensor,
    /// Which scale each code has.
    pub scale_of: Tensor,
    pub signed: bool,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
}

impl QuantizedConstant {
    /// With one scale and zero point per filter; `None` where a filter has several scales, since
    /// they run along another axis. `order` puts elements in the order `[filter][depth]`.
    pub fn to_weights(
        &self,
        filters: usize,
        order: impl Fn(&[i16]) -> Vec<i16>,
    ) -> Option<QuantizedWeights> {
        let scale_of = order(&numbers(&self.scale_of)?);
        let mut of_filters = Vec::with_capacity(filters);
        for filter in scale_of.chunks_exact((scale_of.len() / filters.max(1)).max(1)) {
            if filter.iter().any(|scale| *scale != filter[0]) {
                return None;
            }
            of_filters.push(filter[0] as usize);
        }
        Some(QuantizedWeights {
            codes: order(&numbers(&self.codes)?),
            signed: self.signed,
            scales: of_filters.iter().map(|&scale| self.scales[scale]).collect(),
            zero_points: of_filters.iter().map(|&scale| self.zero_points[scale]).collect(),
        })
    }
}

impl Importer<'_> {
    pub(super) fn quantize(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<bool> {
        let Some(Some(Binding::Value(input))) = inputs.first() else { return Ok(false) };
        let (parameters, signed) = self.activation_quantization(proto, inputs, false)?;
        let output = if self.has_codes_of(*input, parameters) {
            self.values[*input].quantization = Some(parameters);
            *input
        } else {
            self.recoded(proto, NodeKind::Quantize, *input, parameters)
        };
        let codes = Codes { value: output, signed };
        self.bindings.insert(proto.output[0].clone(), Binding::Codes(codes));
        Ok(true)
    }

    pub(super) fn dequantize(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<bool> {
        match inputs.first() {
            Some(Some(Binding::Codes(codes))) => {
                let (parameters, signed) =
                    self.activation_quantization(proto, inputs, codes.signed)?;
                if signed != codes.signed {
                    let word = |signed| if signed { "int8" } else { "uint8" };
                    return Err(ModelErrorKind::node(
                        node_name(proto),
                        "DequantizeLinear",
                        format!(
                            "has a zero point of {} for codes of {}; expected one type",
                            word(signed),
                            word(codes.signed)
                        ),
                    ));
                }
                let value = if self.values[codes.value].quantization == Some(parameters) {
                    codes.value
                } else {
                    // The same codes stand for other numbers from here on.
                    self.recoded(proto, NodeKind::Recode, codes.value, parameters)
                };
                self.bindings.insert(proto.output[0].clone(), Binding::Value(value));
                Ok(true)
            }
            Some(Some(Binding::Constant(codes, _))) => {
                let constant =
                    |input: &Option<Binding>| matches!(input, None | Some(Binding::Constant(..)));
                if !inputs.iter().all(constant) {
                    return Err(ModelErrorKind::node(
                        node_name(proto),
                        &proto.op_type,
                        "dequantises constant codes with a scale that depends on data",
                    ));
                }
                let quantized = quantized_constant(proto, codes, inputs).map_err(|reason| {
                    ModelErrorKind::node(node_name(proto), "DequantizeLinear", reason)
                })?;
                self.fold_constants(proto, inputs)?;
                if let (Some(Binding::Constant(_, slot)), Some(quantized)) =
                    (self.bindings.get_mut(&proto.output[0]), quantized)
                {
                    *slot = Some(Arc::new(quantized));
                }
                Ok(true)
            }
            _ => Err(ModelErrorKind::node(
                node_name(proto),
                "DequantizeLinear",
                "reads a tensor that is neither a constant nor the output of a QuantizeLinear",
            )),
        }
    }

    /// A node that reads codes themselves, to be one that reads real values between quantisers: so
    /// one piece of code serves both. Only for operators that hand codes on, or compare them.
    pub(super) fn on_codes(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> std::result::Result<(), String> {
        let operator = proto.op_type.as_str();
        let nearest = attribute(proto, "mode").is_none_or(|mode| mode.s == b"nearest");
        let hands_on = matches!(operator, "MaxPool" | "Clip") || operator == "Resize" && nearest;
        if !(MOVEMENT.contains(&operator) || hands_on) {
            return Err("reads integer codes; expected a DequantizeLinear before it".into());
        }
        let all_codes = inputs.iter().flatten().filter_map(|input| match input {
            Binding::Codes(codes) => Some(*codes),
            _ => None,
        });
        let all_codes: Vec<Codes> = all_codes.collect();
        let first = all_codes[0];
        let parameters = |codes: &Codes| (self.values[codes.value].quantization, codes.signed);
        let (Some(quantization), _) = parameters(&first) else {
            return Err("reads codes without a scale".into());
        };
        if all_codes.iter().any(|codes| parameters(codes) != parameters(&first)) {
            return Err("reads codes of several scales; expected one".into());
        }
        let zero = i32::from(quantization.zero_point) - if first.signed { 128 } else { 0 };
        let scale = self.builder.float(quantization.scale);
        let zero_point = self.builder.constant(match first.signed {
            true => Tensor::from_shape([], vec![zero as i8]).expect("one element"),
            false => Tensor::from_shape([], vec![zero as u8]).expect("one element"),
        });
        let mut real = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let name = proto.input[index].as_str();
            real.push(match input {
                Some(Binding::Codes(_)) => self.builder.node(
                    proto,
                    "DequantizeLinear",
                    &[name, &scale, &zero_point],
                    vec![],
                ),
                // Bounds, and what is padded with, are codes.
                Some(Binding::Constant(tensor, _))
                    if operator == "Clip" || (operator == "Pad" && index == 2) =>
                {
                    let code: i32 = scalar(tensor).ok_or("has a bound that is no number")?;
                    self.builder.float((code - zero) as f32 * quantization.scale)
                }
                _ => name.to_string(),
            });
        }
        let real: Vec<&str> = real.iter().map(String::as_str).collect();
        if proto.output.len() != 1 {
            return Err("splits integer codes; expected a DequantizeLinear before it".into());
        }
        let result = self.builder.node(proto, operator, &real, proto.attribute.clone());
        let inputs = [&result[..], &scale, &zero_point];
        self.builder.last(proto, "QuantizeLinear", &inputs, vec![], &proto.output[0]);
        Ok(())
    }

    /// Whether all elements of a value are among those of `quantization`, since they come from
    /// codes and were only moved or compared.
    fn has_codes_of(&self, value: ValueId, quantization: ActivationQuantization) -> bool {
        if self.values[value].quantization == Some(quantization) {
            return true;
        }
        let maker = self.nodes.iter().rev().find(|node| node.outputs.contains(&value));
        maker.is_some_and(|node| {
            matches!(node.kind, NodeKind::Movement(_) | NodeKind::MaxPool(_))
                && node.inputs.iter().all(|&input| self.has_codes_of(input, quantization))
        })
    }

    /// A value with the elements of `input` and codes of its own.
    fn recoded(
        &mut self,
        proto: &pb::NodeProto,
        kind: NodeKind,
        input: ValueId,
        quantization: ActivationQuantization,
    ) -> ValueId {
        let tensor = match kind {
            NodeKind::Quantize => self.values[input].tensor.clone(),
            _ => proto.output[0].clone(),
        };
        let output = self.add_value(&proto.output[0], &tensor, self.values[input].shape.clone());
        self.values[output].quantization = Some(quantization);
        self.add_node(node_name(proto), &proto.op_type, kind, vec![input], output);
        output
    }

    /// Scale and zero point of a QuantizeLinear or DequantizeLinear on activations.
    fn activation_quantization(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
        signed_without_zero: bool,
    ) -> Result<(ActivationQuantization, bool)> {
        let fail = |reason: &str| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
        let Some(Some(Binding::Constant(scale, _))) = inputs.get(1) else {
            return Err(fail("has no constant scale"));
        };
        if !matches!(**scale, Tensor::FloatTensor(_)) {
            return Err(fail(SCALE_OF_INTEGERS));
        }
        let scale = scalar::<f32>(scale).ok_or_else(|| {
            fail("has a scale per channel; activations need one scale per tensor")
        })?;
        if !(scale.is_normal() && scale > 0.0) {
            return Err(fail("has a scale that is no positive number of full precision"));
        }
        let (zero_point, signed) = match inputs.get(2) {
            Some(Some(Binding::Constant(zero_point, _))) => {
                let value: i32 =
                    scalar(zero_point).ok_or_else(|| fail("has no scalar zero point"))?;
                match **zero_point {
                    Tensor::UInt8Tensor(_) => (value, false),
                    Tensor::Int8Tensor(_) => (value, true),
                    _ => return Err(fail("is not 8-bit; Recoup runs uint8 and int8 activations")),
                }
            }
            Some(Some(_)) => return Err(fail("has no constant zero point")),
            _ => (0, signed_without_zero),
        };
        // int8 codes become unsigned by an offset that the zero point takes up.
        let zero_point = (zero_point + if signed { 128 } else { 0 }) as u8;
        Ok((ActivationQuantization { scale, zero_point }, signed))
    }
}

/// The codes of a weight constant; `None` for int32 biases, which stay real numbers.
fn quantized_constant(
    proto: &pb::NodeProto,
    codes: &Tensor,
    inputs: &[Option<Binding>],
) -> std::result::Result<Option<QuantizedConstant>, String> {
    let signed = match codes {
        Tensor::Int8Tensor(_) => true,
        Tensor::UInt8Tensor(_) => false,
        Tensor::Int32Tensor(_) => return Ok(None),
        other => {
            return Err(format!(
                "dequantises {:?}; Recoup runs int8 and uint8 weights",
                other.dtype()
            ));
        }
    };
    let list = |index: usize| match inputs.get(index) {
        Some(Some(Binding::Constant(tensor, _))) => Some(tensor.clone()),
        _ => None,
    };
    let scale = list(1).ok_or("has no constant scale")?;
    if !matches!(*scale, Tensor::FloatTensor(_)) {
        return Err(SCALE_OF_INTEGERS.into());
    }
    let scales = numbers::<f32>(&scale).ok_or("has a scale that is no float")?;
    let zero_points = match list(2) {
        Some(tensor) => numbers::<i32>(&tensor).ok_or("has a zero point that is no integer")?,
        None => vec![0; scales.len()],
    };
    if zero_points.len() != scales.len()
        || scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0))
    {
        return Err("has scales and zero points that do not fit together".into());
    }
    let shape = codes.shape().to_vec();
    let rank = shape.len() as i64;
    let axis = attribute(proto, "axis").map_or(1, |attribute| attribute.i);
    let axis = (if axis < 0 { axis + rank } else { axis }) as usize;
    let volume: usize = shape.iter().product();
    let scale_of: Vec<i32> = match (scales.len(), shape.get(axis)) {
        (1, _) => vec![0; volume],
        _ if scale.ndim() > 1 => {
            return Err("has scales by blocks; quantise per tensor or per output channel".into());
        }
        (count, Some(&dim)) if count == dim => {
            let inner: usize = shape[axis + 1..].iter().product();
            (0..volume).map(|index| (index / inner.max(1) % dim) as i32).collect()
        }
        (count, _) => {
            return Err(format!("has {count} scales for weights {shape:?} along axis {axis}"));
        }
    };
    Ok(Some(QuantizedConstant {
        codes: tensor::integers(&shape, numbers(codes).ok_or("has unreadable codes")?),
        scale_of: tensor::integers(&shape, scale_of),
        signed,
        scales,
        zero_points,
    }))
}
