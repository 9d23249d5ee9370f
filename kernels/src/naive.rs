//! The obviously right version of everything: the definition, loop by loop.
//!
//! Slow, and kept for good: every kernel is tested against it. Padding pixels are read as the
//! code `input_zero_point`; nothing here is shared with the fast paths.

use crate::{
    Coded, ConvShape, Encoded, FloatConvSpec, MacSpec, Output, OutputSpec, Pairing, Product,
    Residual, ResidualSpec, WeightCoding,
};

/// p(w, a): what the multiplier returns for a weight byte and an activation code. // eq. (2.1)
pub fn product(coding: WeightCoding, product: &Product, w: u8, a: u8) -> i32 {
    let mask = match product {
        Product::Table(table) => return table[usize::from(w) * 256 + usize::from(a)],
        Product::Mask(mask) => mask,
    };
    let mut sum = 0;
    for i in 0..8 {
        for l in 0..8 {
            let kept = (mask >> (8 * i + l)) & 1 == 1;
            if kept && (a >> i) & 1 == 1 && (w >> l) & 1 == 1 {
                let partial = 1 << (i + l);
                let negative = l == 7 && coding == WeightCoding::Signed;
                sum += if negative { -partial } else { partial };
            }
        }
    }
    sum
}

/// The codes of one receptive field, `[kernel_height][kernel_width][channels / groups]`.
pub fn receptive_field(
    shape: &ConvShape,
    padding: u8,
    input: &[u8],
    position: usize,
    group: usize,
) -> Vec<u8> {
    let (oy, ox) = (position / shape.out_width(), position % shape.out_width());
    let mut field = Vec::with_capacity(shape.depth());
    for ky in 0..shape.kernel_height {
        for kx in 0..shape.kernel_width {
            let y = (oy * shape.stride_height + ky * shape.dilation_height)
                .checked_sub(shape.pad_top)
                .filter(|&y| y < shape.height);
            let x = (ox * shape.stride_width + kx * shape.dilation_width)
                .checked_sub(shape.pad_left)
                .filter(|&x| x < shape.width);
            for c in 0..shape.channels_per_group() {
                let channel = group * shape.channels_per_group() + c;
                field.push(match (y, x) {
                    (Some(y), Some(x)) => input[(y * shape.width + x) * shape.channels + channel],
                    _ => padding,
                });
            }
        }
    }
    field
}

/// sum_j p(w_fj, a_j) for each output, `[positions][filters]`. // eq. (1.1)
pub fn accumulate(spec: &MacSpec, input: &[u8], acc: &mut [i32]) {
    let shape = &spec.shape;
    let products: Vec<i32> = (0..1 << 16)
        .map(|i| product(spec.coding, &spec.product, (i >> 8) as u8, i as u8))
        .collect();
    for position in 0..shape.positions() {
        for group in 0..shape.groups {
            let field = receptive_field(shape, spec.input_zero_point, input, position, group);
            for f in group * shape.filters_per_group()..(group + 1) * shape.filters_per_group() {
                let weights = &spec.weights[f * shape.depth()..(f + 1) * shape.depth()];
                acc[position * shape.filters + f] = weights
                    .iter()
                    .zip(&field)
                    .map(|(&w, &a)| products[usize::from(w) * 256 + usize::from(a)])
                    .fold(0, i32::wrapping_add);
            }
        }
    }
}

/// sum_j f(a_j) for each receptive field, `[positions][groups]`, wrapping.
pub fn position_sums(
    shape: &ConvShape,
    padding: u8,
    f: &[i32; 256],
    input: &[u8],
    out: &mut [i32],
) {
    for position in 0..shape.positions() {
        for group in 0..shape.groups {
            out[position * shape.groups + group] =
                receptive_field(shape, padding, input, position, group)
                    .iter()
                    .map(|&a| f[usize::from(a)])
                    .fold(0, i32::wrapping_add);
        }
    }
}

/// numerator / 2^bits, rounded to the nearest integer, ties to the even one.
pub fn round_half_even_shift(numerator: i64, bits: u32) -> i64 {
    // Shifting rounds towards minus infinity.
    let floor = numerator >> bits;
    let (rest, unit) = (numerator - (floor << bits), 1i64 << bits);
    // Without branches, which would be mispredicted every other time.
    let up = (rest > unit - rest) | ((rest == unit - rest) & (floor % 2 != 0));
    floor + i64::from(up)
}

/// The code of a real value; NaN gives the lowest code.
pub fn quantize(value: f32, inv_scale: f32, zero_point: u8, dropped_bits: u32) -> u8 {
    let step = (1u32 << dropped_bits) as f32;
    // The division is by a power of two and therefore exact.
    let rounded = (value * (inv_scale / step)).round_ties_even();
    let code = f64::from(rounded) + f64::from(zero_point >> dropped_bits);
    // The conversion takes NaN to 0.
    (code.clamp(0.0, f64::from(255u8 >> dropped_bits)) as u8) << dropped_bits
}

/// The sum or product of two tensors' elements as codes; a shorter `right` repeats.
pub fn pair(pairing: Pairing, [left, right]: [Coded<'_>; 2], to: &mut Encoded<'_>) {
    let real = |of: Coded<'_>, i: usize| {
        (i32::from(of.codes[i % of.codes.len()]) - i32::from(of.zero_point)) as f32 * of.scale
    };
    for i in 0..left.codes.len() {
        let (a, b) = (real(left, i), real(right, i));
        let value = match pairing {
            Pairing::Sum => a + b,
            Pairing::Product => a * b,
        };
        to.codes[i] = quantize(value, to.inv_scale, to.zero_point, to.dropped_bits);
    }
}

/// The whole layer, as [`MacSpec`] defines it.
pub fn run(spec: &MacSpec, input: &[u8], residual: Residual<'_>, mut output: Output<'_>) {
    let shape = &spec.shape;
    let mut acc = vec![0; shape.output_len()];
    accumulate(spec, input, &mut acc);

    let padding = spec.input_zero_point;
    let mut sums = vec![0; shape.positions() * shape.groups];
    let code: [i32; 256] = std::array::from_fn(|a| a as i32);
    position_sums(shape, padding, &code, input, &mut sums);
    let terms = spec.control.iter().flat_map(|control| &control.terms);
    let control_sums = terms.map(|term| {
        let mut sums = vec![0; shape.positions() * shape.groups];
        position_sums(shape, padding, &term.x.map(i32::from), input, &mut sums);
        sums
    });
    let control_sums: Vec<Vec<i32>> = control_sums.collect();

    for (i, &acc) in acc.iter().enumerate() {
        let (position, f) = (i / shape.filters, i % shape.filters);
        let field = position * shape.groups + f / shape.filters_per_group();
        let v = spec.control.as_ref().map_or(0, |control| {
            let terms = control.terms.iter().zip(&control_sums);
            let products = terms.map(|(term, sums)| i64::from(term.c[f]) * i64::from(sums[field]));
            round_half_even_shift(products.sum(), control.c_frac) as i32
        });
        let zero_point_term =
            0i32.wrapping_sub(spec.weight_zero_points[f]).wrapping_mul(sums[field]);
        let t = acc.wrapping_add(v).wrapping_add(spec.constant[f]).wrapping_add(zero_point_term);
        let mut y = t as f32 * spec.scale[f];
        match (spec.residual, residual) {
            (ResidualSpec::None, Residual::None) => {}
            (ResidualSpec::U8 { scale, zero_point }, Residual::U8(codes)) => {
                y += (i32::from(codes[i]) - i32::from(zero_point)) as f32 * scale;
            }
            (ResidualSpec::F32, Residual::F32(values)) => y += values[i],
            _ => panic!("the residual's type is not the one the layer was made for"),
        }
        // Spelt out because f32::max leaves the sign of max(-0, 0) open.
        y = if y > spec.low { y } else { spec.low };
        y = if y < spec.high { y } else { spec.high };
        match (spec.output, &mut output) {
            (OutputSpec::F32, Output::F32(out)) => out[i] = y,
            (OutputSpec::U8 { inv_scale, zero_point, dropped_bits }, Output::U8(out)) => {
                let code = quantize(y, inv_scale, zero_point, dropped_bits);
                out[i] = spec.activation.as_ref().map_or(code, |codes| codes[usize::from(code)]);
            }
            _ => panic!("the output's type is not the one the layer was made for"),
        }
    }
}

/// A convolution of float32 with what is added to it. Images are `[channel][row][column]`; padding is
/// zero.
pub fn convolve_float(spec: &FloatConvSpec, input: &[f32], residual: Option<&[f32]>) -> Vec<f32> {
    let shape = &spec.shape;
    let mut output = Vec::new();
    for filter in 0..shape.filters {
        for y in 0..shape.out_height() {
            for x in 0..shape.out_width() {
                let mut sum = spec.bias[filter];
                for index in 0..shape.channels_per_group() {
                    let group = filter / shape.filters_per_group();
                    let channel = group * shape.channels_per_group() + index;
                    for ky in 0..shape.kernel_height {
                        for kx in 0..shape.kernel_width {
                            let row = (y * shape.stride_height + ky * shape.dilation_height)
                                .wrapping_sub(shape.pad_top);
                            let column = (x * shape.stride_width + kx * shape.dilation_width)
                                .wrapping_sub(shape.pad_left);
                            if row < shape.height && column < shape.width {
                                let tap = filter * shape.channels_per_group() + index;
                                let tap = (tap * shape.kernel_height + ky) * shape.kernel_width;
                                sum += spec.weights[tap + kx]
                                    * input[(channel * shape.height + row) * shape.width + column];
                            }
                        }
                    }
                }
                sum += residual.map_or(0.0, |residual| residual[output.len()]);
                output.push(sum.max(spec.low).min(spec.high));
            }
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// eq. (2.1) and (2.2), family by family, on all pairs and both codings.
    #[test]
    fn masks_give_the_families_errors() {
        let mask = |keep: &dyn Fn(u32, u32) -> bool| {
            let kept = (0..64).filter(|&bit| keep(bit / 8, bit % 8));
            Product::Mask(kept.map(|bit| 1 << bit).sum())
        };
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            let value = |w: u8| match coding {
                WeightCoding::Unsigned => i32::from(w),
                WeightCoding::Signed => i32::from(w as i8),
            };
            // The low bits are unsigned in both codings, until the sign bit is one of them.
            let low = |w: u8, bits: u32| match bits {
                8 => value(w),
                _ => i32::from(w) % (1 << bits),
            };
            for m in 1..=8 {
                let truncated = mask(&|i, l| i + l >= m);
                let perforated = mask(&|i, _| i >= m);
                let recursive = mask(&|i, l| i >= m || l >= m);
                for (w, a) in (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a))) {
                    let error = |kept| value(w) * i32::from(a) - product(coding, kept, w, a);
                    let a_low = i32::from(a) % (1 << m);
                    let bit = |i: u32| i32::from((a >> i) & 1) << i;
                    let columns: i32 = (0..m).map(|i| bit(i) * low(w, m - i)).sum();
                    assert_eq!(error(&truncated), columns);
                    assert_eq!(error(&perforated), value(w) * a_low);
                    assert_eq!(error(&recursive), low(w, m) * a_low);
                }
            }
        }
    }

    #[test]
    fn shifts_round_ties_to_even() {
        let halves = [-7, -5, -3, -1, 1, 3, 5, 7].map(|n| round_half_even_shift(n, 1));
        assert_eq!(halves, [-4, -2, -2, 0, 0, 2, 2, 4]);
        assert_eq!(round_half_even_shift(-9, 0), -9);
        assert_eq!([9, 10, 11, 13, 14].map(|n| round_half_even_shift(n, 2)), [2, 2, 3, 3, 4]);
        assert_eq!(round_half_even_shift(i64::MIN, 30), i64::MIN >> 30);
    }

    #[test]
    fn codes_round_ties_to_even_and_saturate() {
        let code = |value| quantize(value, 2.0, 8, 0);
        assert_eq!([0.25, 0.75, -0.25, -0.75].map(code), [8, 10, 8, 6]);
        assert_eq!([-4.0, -4.5, f32::MIN, f32::NEG_INFINITY, f32::NAN].map(code), [0; 5]);
        assert_eq!([123.5, 123.75, f32::MAX, f32::INFINITY].map(code), [255; 4]);
        // Two dropped bits: steps of 2.0, zero at code 8 = 2 << 2, the top code is 63 << 2.
        let code = |value| quantize(value, 2.0, 8, 2);
        assert_eq!([0.0, 1.0, 3.0, -3.0, -5.1, 1e9].map(code), [8, 8, 16, 0, 0, 252]);
    }
}
