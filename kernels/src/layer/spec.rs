//! The description of one layer, as the caller gives it.

use std::sync::Arc;

use crate::{ConvShape, KernelError};

/// How the multiplier reads the weight byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightCoding {
    /// 0 to 255.
    Unsigned,
    /// Two's complement, -128 to 127: bit 7 weighs -2^7.
    Signed,
}

/// The multiplier: what it returns for a weight byte w and an activation code a.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Product {
    /// The kept partial products: bit 8 i + l keeps a_i w_l 2^(i+l). // eq. (2.1)
    Mask(u64),
    /// All 65,536 products, entry 256 w + a, with w the weight *byte* (0 to 255) in both codings.
    Table(Arc<[i32]>),
}

/// The control variate V = round(sum_r c_r X_r / 2^c_frac) with X_r = sum_j x_r(a_j); usually of
/// one function. // eq. (3.1), (3.13)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The functions with their factors.
    pub terms: Vec<ControlTerm>,
    /// Fraction bits of every c, 0 to 30.
    pub c_frac: u32,
}

/// One function of a [`Control`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlTerm {
    /// x, for each activation code.
    pub x: [u16; 256],
    /// C for each filter, in units of 2^-c_frac.
    pub c: Vec<i32>,
}

impl ControlTerm {
    pub(crate) fn x_max(&self) -> u128 {
        u128::from(self.x.iter().copied().max().unwrap_or(0))
    }

    pub(crate) fn c_max(&self) -> u128 {
        u128::from(self.c.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0))
    }
}

/// What is added to the layer's real value before the activation function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResidualSpec {
    /// Nothing.
    None,
    /// (code - zero_point) * scale.
    U8 {
        /// Real value of one step.
        scale: f32,
        /// Code of the real 0.
        zero_point: u8,
    },
    /// Real values.
    F32,
}

/// The output's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutputSpec {
    /// Real values.
    F32,
    /// Codes: q = round_half_even(y * inv_scale / 2^dropped_bits) + (zero_point >> dropped_bits),
    /// clamped to 8 - dropped_bits bits, then shifted left by dropped_bits.
    U8 {
        /// 1 / the real value of one 8-bit step. Positive and finite.
        inv_scale: f32,
        /// Code of the real 0; a multiple of 2^dropped_bits.
        zero_point: u8,
        /// Low bits that are always 0, from 0 to 4.
        dropped_bits: u32,
    },
}

/// One layer: multiply, accumulate, correct, requantise.
///
/// For output position and filter f, over the k entries of the receptive field (padding
/// included, as code `input_zero_point`), with p the [`Product`]:
///
/// ```text
/// acc = sum_j p(w_fj, a_j)                                 eq. (1.1), wrapping i32
/// D   = -weight_zero_points[f] * sum_j a_j                 eq. (1.2)
/// V   = round_half_even(sum_r c_r[f] * sum_j x_r(a_j) / 2^c_frac)    eq. (3.1), exact
/// t   = acc + V + constant[f] + D                          wrapping i32
/// y   = t as f32 * scale[f] + residual
/// y   = min(max(y, low), high)
/// ```
///
/// y goes out as it is or as a code ([`OutputSpec`]), or as what `activation` has for that code. Each operation on f32 rounds once, in this
/// order; no fused multiply-add. All kernels agree bit for bit.
#[derive(Debug, Clone, PartialEq)]
pub struct MacSpec {
    /// Sizes.
    pub shape: ConvShape,
    /// Weight bytes, `[filter][kernel_height][kernel_width][channels / groups]`; whoever describes
    /// the same layer in several ways has them once.
    pub weights: Arc<[u8]>,
    /// How the multiplier reads them.
    pub coding: WeightCoding,
    /// The multiplier.
    pub product: Product,
    /// Code of the input's real 0; padding pixels hold it.
    pub input_zero_point: u8,
    /// z_w, one per filter.
    pub weight_zero_points: Vec<i32>,
    /// The control variate, if there is one.
    pub control: Option<Control>,
    /// All that is constant per filter: C0, the bias in accumulator units, the sums of the weights
    /// times the input's zero point, k z_w z_a.
    pub constant: Vec<i32>,
    /// Real value of one accumulator unit, one per filter.
    pub scale: Vec<f32>,
    /// Lower limit of y (0 for ReLU, minus infinity for none).
    pub low: f32,
    /// Upper limit of y (6 for ReLU6, infinity for none).
    pub high: f32,
    /// What is added before the limits.
    pub residual: ResidualSpec,
    /// The output's type.
    pub output: OutputSpec,
    /// The code that takes each code's place in the output: a function of the tensor that follows
    /// the layer. // eq. (4.9)
    pub activation: Option<Arc<[u8; 256]>>,
}

impl MacSpec {
    /// Whether the products are the same, those of the same weights.
    pub(crate) fn has_products_of(&self, other: &MacSpec) -> bool {
        self.shape == other.shape
            && self.coding == other.coding
            && self.input_zero_point == other.input_zero_point
            && self.weight_zero_points == other.weight_zero_points
            && self.product == other.product
            && self.weights == other.weights
    }

    /// Whether the functions x of the control variate are the same.
    pub(crate) fn has_functions_of(&self, other: &MacSpec) -> bool {
        let functions = |spec: &MacSpec| {
            let terms = spec.control.iter().flat_map(|control| &control.terms);
            terms.map(|term| term.x).collect::<Vec<_>>()
        };
        functions(self) == functions(other)
    }

    /// A layer whose outputs are its accumulators as floats: without zero points, control variate,
    /// constants and limits.
    pub fn bare(
        shape: ConvShape,
        weights: impl Into<Arc<[u8]>>,
        coding: WeightCoding,
        product: Product,
    ) -> Self {
        let filters = shape.filters;
        Self {
            shape,
            weights: weights.into(),
            coding,
            product,
            input_zero_point: 0,
            weight_zero_points: vec![0; filters],
            control: None,
            constant: vec![0; filters],
            scale: vec![1.0; filters],
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            residual: ResidualSpec::None,
            output: OutputSpec::F32,
            activation: None,
        }
    }

    /// Every weight byte that occurs, in ascending order.
    pub(crate) fn used_weights(&self) -> Vec<u8> {
        let mut used = [false; 256];
        self.weights.iter().for_each(|&w| used[usize::from(w)] = true);
        (0..=255).filter(|&w| used[usize::from(w)]).collect()
    }

    /// Checks sizes and ranges.
    ///
    /// # Errors
    /// [`KernelError`] with the field at fault.
    pub fn validate(&self) -> Result<(), KernelError> {
        let shape = &self.shape;
        shape.validate()?;
        length("weights", shape.filters * shape.depth(), self.weights.len())?;
        length("weight_zero_points", shape.filters, self.weight_zero_points.len())?;
        length("constant", shape.filters, self.constant.len())?;
        length("scale", shape.filters, self.scale.len())?;
        if let Product::Table(table) = &self.product {
            length("table", 1 << 16, table.len())?;
        }
        self.validate_control()?;
        range(self.scale.iter().all(|scale| scale.is_finite()), "scale must be finite")?;
        range(self.low <= self.high, "low must not exceed high")?;
        if let ResidualSpec::U8 { scale, .. } = self.residual {
            range(scale.is_finite(), "the residual's scale must be finite")?;
        }
        if let OutputSpec::U8 { inv_scale, zero_point, dropped_bits } = self.output {
            validate_output(inv_scale, zero_point, dropped_bits)?;
        } else {
            range(self.activation.is_none(), "an activation needs an output of codes")?;
        }
        Ok(())
    }

    /// The control variate alone, which changes with weights.
    pub(crate) fn validate_control(&self) -> Result<(), KernelError> {
        let (shape, Some(control)) = (&self.shape, &self.control) else { return Ok(()) };
        range(control.c_frac <= 30, "c_frac must be at most 30")?;
        let mut most = 0;
        for term in &control.terms {
            length("c", shape.filters, term.c.len())?;
            let sum_max = shape.depth() as u128 * term.x_max();
            range(sum_max <= i32::MAX as u128, "the depth times the largest x must be below 2^31")?;
            most += sum_max * term.c_max();
        }
        range(most < 1 << 63, "the sum of all c X must be below 2^63")
    }
}

fn length(field: &'static str, expected: usize, found: usize) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(KernelError::Length { field, expected, found }) }
}

fn range(ok: bool, sentence: &'static str) -> Result<(), KernelError> {
    if ok { Ok(()) } else { Err(KernelError::Range(sentence)) }
}

pub(crate) fn validate_output(
    inv_scale: f32,
    zero_point: u8,
    dropped_bits: u32,
) -> Result<(), KernelError> {
    if !(inv_scale.is_finite() && inv_scale > 0.0) {
        return Err(KernelError::Range("inv_scale must be positive and finite"));
    }
    if dropped_bits > 4 {
        return Err(KernelError::Range("dropped_bits must be at most 4"));
    }
    if u32::from(zero_point) % (1 << dropped_bits) != 0 {
        return Err(KernelError::Range(
            "the output's zero_point must be a multiple of 2^dropped_bits",
        ));
    }
    Ok(())
}
