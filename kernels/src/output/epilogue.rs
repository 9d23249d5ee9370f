//! From the accumulator to the output: control variate, scale, residual, limits, rounding.
//!
//! The definition is in [`MacSpec`]; the arithmetic here is the same reshaped for vectors, and the
//! comments say why each step gives the same bits.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::{
    Control, Isa, MacSpec, Output, OutputSpec, Residual, ResidualSpec,
    dispatch::multiversion,
    engine::byte_lookup::map_codes,
    output::{
        blocks::{Block, LANES, Lanes},
        requantize::{self, Addend, Values},
        rounding::{SHIFT, Steps, limit, round},
    },
};

#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockParameters {
    /// C as stored.
    c: Lanes<i32>,
    /// C, c 2^-c_frac.
    pub c_real: Lanes<f32>,
    pub constant: Lanes<i32>,
    pub negated_zero_point: Lanes<i32>,
    pub scale: Lanes<f32>,
}

impl BlockParameters {
    const NONE: Self = Self {
        c: Lanes([0; LANES]),
        c_real: Lanes([0.0; LANES]),
        constant: Lanes([0; LANES]),
        negated_zero_point: Lanes([0; LANES]),
        scale: Lanes([0.0; LANES]),
    };
}

/// How V is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ControlKind {
    None,
    /// By one fused multiplication and addition: c 2^-c_frac X + [`SHIFT`], rounded once, has
    /// the rounded V in its low bits. Its other bits are taken from `constant` beforehand.
    Fused,
    /// In 64-bit integers.
    Wide,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    F32,
    U8 {
        inv: f32,
        /// The limits of y as codes less the zero point; whole numbers.
        low: f32,
        high: f32,
        zero_point: i32,
        dropped_bits: u32,
        /// Whether rounding y to an integer and that to a byte has the same limits.
        saturates: bool,
    },
}

/// How the sums over the receptive field are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SumLayout {
    /// `[positions][groups]`: one number for all filters of a block.
    PerGroup,
    /// `[positions][filters]`: depthwise layers, where each filter has its own.
    PerFilter,
}

/// The sums that the epilogue adds. An absent sum is an empty slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums<'a> {
    pub layout: SumLayout,
    /// Added as it is.
    pub offset: &'a [i32],
    /// X = sum of x(a).
    pub control: &'a [i32],
    /// sum of a, multiplied by minus each filter's zero point.
    pub codes: &'a [i32],
}

/// Accumulators of neighbouring positions and blocks, `[positions][blocks][LANES]`.
#[derive(Debug)]
pub(crate) struct Tile<'a> {
    pub acc: &'a mut [i32],
    /// X of each accumulator, from engines that sum it themselves; else empty.
    pub control: &'a [i32],
    /// First position.
    pub position: usize,
    pub positions: usize,
    /// First block.
    pub block: usize,
    pub blocks: usize,
}

/// Of one position and block.
#[derive(Clone, Copy)]
struct BlockSums<'a> {
    acc: &'a [i32; LANES],
    x: Option<&'a [i32; LANES]>,
    sums: Sums<'a>,
}

/// Hands the accumulators of one image, its number and how many there are, to `sink`, block by
/// block; `acc`: `[blocks][images][positions]`.
pub(crate) fn tiles(
    acc: &mut [[i32; LANES]],
    positions: usize,
    (image, images): (usize, usize),
    mut sink: impl FnMut(Tile<'_>),
) {
    for (block, acc) in acc.chunks_exact_mut(images * positions).enumerate() {
        let acc = acc[image * positions..][..positions].as_flattened_mut();
        sink(Tile { acc, control: &[], position: 0, positions, block, blocks: 1 });
    }
}

/// The epilogue of one layer.
#[derive(Debug)]
pub(crate) struct Epilogue {
    filters: usize,
    blocks: Vec<Block>,
    parameters: Vec<BlockParameters>,
    groups: usize,
    control: ControlKind,
    c_frac: u32,
    /// What is added times X, and what of it is not part of c.
    all_of_offset_scale: i32,
    offset_scale: i32,
    low: f32,
    high: f32,
    residual: ResidualSpec,
    encoding: Encoding,
    activation: Option<Arc<[u8; 256]>>,
}

impl Epilogue {
    /// `offset_scale` times X is added besides the other sums.
    pub fn new(spec: &MacSpec, blocks: Vec<Block>, offset_scale: i32) -> Epilogue {
        let c_frac = spec.control.as_ref().map_or(0, |control| control.c_frac);
        let parameters = blocks.iter().map(|block| {
            let mut parameters = BlockParameters::NONE;
            block.fill(
                &mut parameters.negated_zero_point,
                &spec.weight_zero_points,
                |zero_point| 0i32.wrapping_sub(zero_point),
            );
            block.fill(&mut parameters.scale, &spec.scale, |scale| scale);
            parameters
        });
        let parameters = parameters.collect();
        let encoding = match spec.output {
            OutputSpec::F32 => Encoding::F32,
            OutputSpec::U8 { inv_scale, zero_point, dropped_bits } => {
                let steps = Steps::new(inv_scale, zero_point, dropped_bits);
                let Steps { inv, low: lowest, high: highest, zero_point, dropped_bits } = steps;
                // Multiplying by inv > 0 and rounding never reverse an order, so the limits of y
                // and those of the code can be applied together, afterwards.
                let limit = |y: f32| (y * inv).round_ties_even().clamp(lowest, highest);
                let (low, high) = (limit(spec.low), limit(spec.high));
                let saturates = (low, high, dropped_bits) == (lowest, highest, 0)
                    && most(spec) * f64::from(inv) < f64::from(1 << 30);
                Encoding::U8 { inv, low, high, zero_point, dropped_bits, saturates }
            }
        };
        let mut epilogue = Epilogue {
            filters: spec.shape.filters,
            blocks,
            parameters,
            groups: spec.shape.groups,
            control: ControlKind::None,
            c_frac,
            all_of_offset_scale: offset_scale,
            offset_scale,
            low: spec.low,
            high: spec.high,
            residual: spec.residual,
            encoding,
            activation: spec.activation.clone(),
        };
        epilogue.load(spec);
        epilogue
    }

    /// Takes over the constants, and the factors of the control variate.
    pub fn load(&mut self, spec: &MacSpec) {
        let (c, control, offset_scale) = control_parameters(spec, self.all_of_offset_scale);
        (self.control, self.offset_scale) = (control, offset_scale);
        let surplus = if control == ControlKind::Fused { SHIFT.to_bits() as i32 } else { 0 };
        let unit = (1u32 << self.c_frac) as f32;
        for (block, parameters) in self.blocks.iter().zip(&mut self.parameters) {
            block.fill(&mut parameters.constant, &spec.constant, |it| it.wrapping_sub(surplus));
            if let Some(c) = &c {
                block.fill(&mut parameters.c, c, |c| c);
                block.fill(&mut parameters.c_real, c, |c| c as f32 / unit);
            }
        }
    }

    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Finishes a tile and writes its outputs.
    pub fn apply(
        &self,
        isa: Isa,
        tile: Tile<'_>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) {
        let Tile { position, positions, block, blocks, .. } = tile;
        let (first, last) = (self.blocks[block], self.blocks[block + blocks - 1]);
        let filters = first.filter..last.filter + last.count;
        let input = self.for_kernel(&tile, filters.clone(), sums, residual);
        let first = position * self.filters + filters.start;
        match (requantize::kernel(isa), input, &mut *output) {
            // SAFETY: requantize::kernel chose the functions for the features of an Isa.
            (Some(kernel), Some(input), Output::U8(out)) => unsafe {
                (kernel.codes)(&input, &mut out[first..]);
            },
            // SAFETY: as above.
            (Some(kernel), Some(input), Output::F32(out)) => unsafe {
                (kernel.reals)(&input, &mut out[first..]);
            },
            _ => self.apply_portably(isa, &tile, sums, residual, output),
        }
        if let (Some(activation), Output::U8(out)) = (&self.activation, output) {
            let rows = &mut out[position * self.filters..][..positions * self.filters];
            if filters.len() == self.filters {
                return map_codes(isa, activation, rows);
            }
            for row in rows.chunks_exact_mut(self.filters) {
                map_codes(isa, activation, &mut row[filters.clone()]);
            }
        }
    }

    fn apply_portably(
        &self,
        isa: Isa,
        tile: &Tile<'_>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) {
        let blocks = tile.blocks;
        let is_plain = [sums.offset, sums.control, sums.codes].iter().all(|sum| sum.is_empty())
            && tile.control.is_empty()
            && self.residual == ResidualSpec::None;
        // Apart, because code for parts of blocks would keep whole ones out of registers, and
        // questions about sums that are not there take as long as the rest.
        let in_tile = &self.blocks[tile.block..][..blocks];
        // Only the last block of a group can be a part of one.
        let whole = in_tile.iter().take_while(|block| block.count == LANES).count();
        match is_plain {
            true => apply_plain(isa, self, tile, 0..whole, sums, residual, output),
            false => apply_whole(isa, self, tile, 0..whole, sums, residual, output),
        }
        if whole < blocks {
            apply_parts(isa, self, tile, whole..blocks, sums, residual, output);
        }
    }

    /// A tile for the kernels that turn it into outputs; none where these are not made for it.
    fn for_kernel<'a>(
        &'a self,
        tile: &'a Tile<'_>,
        of_tile: Range<usize>,
        sums: Sums<'a>,
        residual: Residual<'a>,
    ) -> Option<requantize::Input<'a>> {
        let (inv, limits, zero_point, dropped_bits) = match self.encoding {
            Encoding::U8 { inv, low, high, zero_point, dropped_bits, saturates } => {
                (inv, (!saturates).then_some((low, high)), zero_point, dropped_bits)
            }
            Encoding::F32 => (1.0, Some((self.low, self.high)), 0, 0),
        };
        if tile.blocks > requantize::BLOCKS || self.control == ControlKind::Wide {
            return None;
        }
        let (groups, group) = (self.groups, self.blocks[tile.block].group);
        let (filters, filter) = (self.filters, of_tile.start);
        let sum = |of: &'a [i32]| match sums.layout {
            _ if of.is_empty() => None,
            SumLayout::PerGroup => Some(Values {
                of: &of[tile.position * groups + group..],
                step: groups,
                is_shared: true,
            }),
            SumLayout::PerFilter => Some(per_filter(of, tile.position, filters, filter)),
        };
        let per_lane = |of| Values { of, step: tile.blocks * LANES, is_shared: false };
        let x = match tile.control {
            _ if self.control == ControlKind::None => None,
            [] => sum(sums.control),
            of => Some(per_lane(of)),
        };
        Some(requantize::Input {
            positions: tile.positions,
            filters: of_tile.len(),
            acc: per_lane(&*tile.acc),
            parameters: &self.parameters[tile.block..][..tile.blocks],
            offset: sum(sums.offset),
            codes: sum(sums.codes),
            x,
            offset_scale: self.offset_scale,
            residual: match (self.residual, residual) {
                (ResidualSpec::U8 { scale, zero_point }, Residual::U8(of)) => Addend::Codes {
                    codes: per_filter(of, tile.position, filters, filter),
                    scale,
                    zero_point: i32::from(zero_point),
                },
                (ResidualSpec::F32, Residual::F32(of)) => {
                    Addend::Reals(per_filter(of, tile.position, filters, filter))
                }
                _ => Addend::None,
            },
            inv,
            limits,
            zero_point,
            dropped_bits,
            step: filters,
        })
    }

    #[inline(always)]
    fn tile<const WHOLE: bool, const PLAIN: bool>(
        &self,
        tile: &Tile<'_>,
        blocks: Range<usize>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) {
        let rows = tile.acc.as_chunks::<LANES>().0;
        let control = tile.control.as_chunks::<LANES>().0;
        for b in blocks {
            // A copy, which writing to the output leaves alone.
            let parameters = self.parameters[tile.block + b];
            let block = self.blocks[tile.block + b];
            for (p, row) in rows.chunks_exact(tile.blocks).enumerate() {
                let sums = BlockSums { acc: &row[b], x: control.get(p * tile.blocks + b), sums };
                let position = tile.position + p;
                self.block::<WHOLE, PLAIN>(position, block, &parameters, sums, residual, output);
            }
        }
    }

    /// Nothing is added to a `PLAIN` one.
    #[inline(always)]
    fn block<const WHOLE: bool, const PLAIN: bool>(
        &self,
        position: usize,
        block: Block,
        parameters: &BlockParameters,
        BlockSums { acc, x, sums }: BlockSums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) {
        let filter = position * self.filters + block.filter;
        let sum = |values: &[i32]| match sums.layout {
            SumLayout::PerGroup => [values[position * self.groups + block.group]; LANES],
            SumLayout::PerFilter => load::<_, WHOLE>(values, filter, block.count),
        };
        let control = || x.copied().unwrap_or_else(|| sum(sums.control));

        let mut t: [i32; LANES] =
            std::array::from_fn(|l| acc[l].wrapping_add(parameters.constant.0[l]));
        if !PLAIN && !sums.offset.is_empty() {
            let offset = sum(sums.offset);
            t = std::array::from_fn(|l| t[l].wrapping_add(offset[l]));
        }
        if !PLAIN && !sums.codes.is_empty() {
            let codes = sum(sums.codes);
            let zero_point = parameters.negated_zero_point.0;
            t = std::array::from_fn(|l| t[l].wrapping_add(zero_point[l].wrapping_mul(codes[l])));
        }
        match self.control {
            _ if PLAIN => {}
            ControlKind::None => {}
            ControlKind::Fused => {
                let x = control().map(|x| x as f32);
                let c = parameters.c_real.0;
                t = std::array::from_fn(|l| {
                    t[l].wrapping_add(c[l].mul_add(x[l], SHIFT).to_bits() as i32)
                });
            }
            ControlKind::Wide => {
                let x = control();
                let c = parameters.c.0;
                // Round half to even: adding half a unit less one, plus one if the result would
                // be odd.
                let frac = self.c_frac;
                let odd = i64::from(frac > 0);
                let bias = ((1i64 << frac) >> 1) - odd;
                t = std::array::from_fn(|l| {
                    let v = i64::from(c[l]) * i64::from(x[l]);
                    let v = (v + bias + ((v >> frac) & odd)) >> frac;
                    t[l].wrapping_add(v as i32)
                });
            }
        }
        if !PLAIN && self.offset_scale != 0 {
            let x = control();
            t = std::array::from_fn(|l| t[l].wrapping_add(self.offset_scale.wrapping_mul(x[l])));
        }

        let scale = parameters.scale.0;
        let mut y: [f32; LANES] = std::array::from_fn(|l| t[l] as f32 * scale[l]);
        match (self.residual, residual) {
            _ if PLAIN => {}
            (ResidualSpec::U8 { scale, zero_point }, Residual::U8(codes)) => {
                let codes: [u8; LANES] = load::<_, WHOLE>(codes, filter, block.count);
                let zero_point = i32::from(zero_point);
                y = std::array::from_fn(|l| {
                    y[l] + (i32::from(codes[l]) - zero_point) as f32 * scale
                });
            }
            (ResidualSpec::F32, Residual::F32(values)) => {
                let values: [f32; LANES] = load::<_, WHOLE>(values, filter, block.count);
                y = std::array::from_fn(|l| y[l] + values[l]);
            }
            _ => {}
        }
        match (self.encoding, output) {
            (Encoding::F32, Output::F32(out)) => {
                let (low, high) = (self.low, self.high);
                let y: [f32; LANES] = std::array::from_fn(|l| limit(y[l], low, high));
                store::<_, WHOLE>(out, filter, block.count, &y);
            }
            (Encoding::U8 { inv, low, high, zero_point, dropped_bits, .. }, Output::U8(out)) => {
                let codes = std::array::from_fn(|l| {
                    ((round(limit(y[l] * inv, low, high)) + zero_point) << dropped_bits) as u8
                });
                store::<_, WHOLE>(out, filter, block.count, &codes);
            }
            _ => unreachable!("MacLayer::run checks the output's type"),
        }
    }
}

/// What y is at most, above or below 0.
fn most(spec: &MacSpec) -> f64 {
    let scale = spec.scale.iter().fold(0f32, |most, scale| most.max(scale.abs()));
    let residual = match spec.residual {
        ResidualSpec::None => 0.0,
        ResidualSpec::U8 { scale, .. } => 255.0 * f64::from(scale.abs()),
        ResidualSpec::F32 => f64::INFINITY,
    };
    f64::from(1u32 << 31) * f64::from(scale) + residual
}

/// Values `[positions][filters]` from a position and a filter on.
fn per_filter<T>(of: &[T], position: usize, filters: usize, filter: usize) -> Values<'_, T> {
    Values { of: &of[position * filters + filter..], step: filters, is_shared: false }
}

/// The factors of X in the control variate, if there are any, how V is computed from them, and what is
/// left of `offset_scale`.
fn control_parameters(
    spec: &MacSpec,
    offset_scale: i32,
) -> (Option<Cow<'_, [i32]>>, ControlKind, i32) {
    let none = (None, ControlKind::None, 0);
    let Some(Control { terms, c_frac }) = &spec.control else { return none };
    // Several functions are combined before.
    let [term] = terms.as_slice() else { return none };
    if term.x_max() == 0 {
        return none;
    }
    // The limits within which c and X are whole numbers of f32 and V leaves SHIFT's bits alone.
    let fits = |c: &[i32]| {
        let c_max = u128::from(c.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0));
        let x_max = term.x_max() * spec.shape.depth() as u128;
        c_max < 1 << 24 && x_max < 1 << 24 && c_max * x_max < 1 << (22 + c_frac)
    };
    // c + s 2^c_frac adds s X to the rounded product: exactly, as an even s X also leaves it odd
    // or even as it was, which ties depend on.
    let scale = (offset_scale % 2 == 0).then_some(offset_scale);
    let scale = scale.and_then(|s| s.checked_mul(1i32.checked_shl(*c_frac)?));
    let sum: Option<Vec<i32>> =
        scale.and_then(|scale| term.c.iter().map(|c| c.checked_add(scale)).collect());
    match sum {
        Some(c) if fits(&c) => (Some(c.into()), ControlKind::Fused, 0),
        _ if fits(&term.c) => (Some((&term.c).into()), ControlKind::Fused, offset_scale),
        _ => (Some((&term.c).into()), ControlKind::Wide, offset_scale),
    }
}

/// `count` values from `start`, zeros behind them; `count` is LANES if `WHOLE`.
#[inline(always)]
fn load<T: Copy + Default, const WHOLE: bool>(
    from: &[T],
    start: usize,
    count: usize,
) -> [T; LANES] {
    if WHOLE {
        return *from[start..].first_chunk().expect("a whole block");
    }
    let mut lanes = [T::default(); LANES];
    lanes[..count].copy_from_slice(&from[start..start + count]);
    lanes
}

#[inline(always)]
fn store<T: Copy, const WHOLE: bool>(to: &mut [T], start: usize, count: usize, lanes: &[T; LANES]) {
    if WHOLE {
        *to[start..].first_chunk_mut().expect("a whole block") = *lanes;
    } else {
        to[start..start + count].copy_from_slice(&lanes[..count]);
    }
}

#[inline(always)]
fn apply_body<const WHOLE: bool, const PLAIN: bool>(
    epilogue: &Epilogue,
    tile: &Tile<'_>,
    blocks: Range<usize>,
    sums: Sums<'_>,
    residual: Residual<'_>,
    output: &mut Output<'_>,
) {
    epilogue.tile::<WHOLE, PLAIN>(tile, blocks, sums, residual, output);
}

multiversion! {
    fn apply_plain(
        isa,
        epilogue: &Epilogue,
        tile: &Tile<'_>,
        blocks: Range<usize>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) = apply_body::<true, true>;
}

multiversion! {
    fn apply_whole(
        isa,
        epilogue: &Epilogue,
        tile: &Tile<'_>,
        blocks: Range<usize>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) = apply_body::<true, false>;
}

multiversion! {
    fn apply_parts(
        isa,
        epilogue: &Epilogue,
        tile: &Tile<'_>,
        blocks: Range<usize>,
        sums: Sums<'_>,
        residual: Residual<'_>,
        output: &mut Output<'_>,
    ) = apply_body::<false, false>;
}
