//! What computes a layer's products, chosen by what the multiplier is.

// The vector kernels that read these exist only for x86-64 so far.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) mod byte_lookup;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) mod depthwise;
pub(crate) mod gemm;
mod rows;
mod table;

use std::sync::Arc;

use crate::{
    ConvShape, Isa, MacSpec, Product, WeightCoding,
    dispatch::multiversion,
    isa::Level,
    output::{blocks::LANES, epilogue::Tile, sums::CodeFunction},
    product::{
        factors::{Factor, Factors},
        structure,
        terms::{self, Count, Term, split, terms},
    },
};
use byte_lookup::ByteLookup;
use depthwise::{
    Depthwise,
    columns::{Column, Columns},
    lookup::Lookup,
};
use gemm::Gemm;
use rows::RowsConv;
use table::Table;

/// What the engines write.
#[derive(Debug, Default)]
pub(crate) struct Images {
    image: Vec<u8>,
    columns: Vec<Column>,
    planes: depthwise::lookup::Buffers,
    gemm: gemm::Buffers,
    bytes: byte_lookup::Buffers,
    rows: rows::Buffers,
}

#[derive(Debug)]
pub(crate) enum Engine {
    Gemm(Gemm),
    /// A table as a sum of ordinary products.
    Factors(Box<Sum>),
    /// By bytes looked up in registers, and a term that they leave out.
    Bytes(Box<(ByteLookup, Gemm)>),
    /// Any table, by rows.
    Rows(Box<RowsConv>),
    Depthwise(Depthwise),
    /// The same by columns of the kernel.
    Columns(Columns),
    /// The same by lookups.
    Lookup(Box<Lookup>),
    Table(Table),
}

/// Ordinary products, and what a table is more.
#[derive(Debug)]
pub(crate) struct Sum {
    gemm: Gemm,
    /// By the weight's byte.
    of_weight: [i32; 256],
    /// For each block's filters.
    constants: Vec<[i32; LANES]>,
}

impl Sum {
    /// Without constants.
    fn new(gemm: Gemm, factors: &Factors) -> Sum {
        let constants = vec![[0; LANES]; gemm.blocks().len()];
        Sum { gemm, of_weight: factors.of_weight, constants }
    }

    /// Those for the weights of `spec`.
    fn set_constants(&mut self, spec: &MacSpec) {
        let depth = spec.shape.depth();
        for (block, constants) in self.gemm.blocks().iter().zip(&mut self.constants) {
            let filters = spec.weights[block.filter * depth..].chunks_exact(depth);
            for (constant, weights) in constants[..block.count].iter_mut().zip(filters) {
                let of_weights = weights.iter().map(|&w| self.of_weight[usize::from(w)]);
                *constant = of_weights.fold(0, i32::wrapping_add);
            }
        }
    }
}

impl Engine {
    /// The engine for a valid `spec`, and what it leaves out of its sums as a function of the code.
    pub fn new(isa: Isa, spec: &MacSpec) -> (Engine, [i32; 256]) {
        // A table that is a mask runs as one.
        match &spec.product {
            Product::Mask(mask) => Self::of_mask(isa, spec, *mask),
            Product::Table(table) => match structure::mask(table, spec.coding) {
                Some(mask) => Self::of_mask(isa, spec, mask),
                None => Self::of_table(isa, spec, table),
            },
        }
    }

    /// The engine for a layer whose weights [`Engine::load`] brings, as often as there are others:
    /// it takes least time to be loaded.
    pub fn for_loads(isa: Isa, spec: &MacSpec) -> (Engine, [i32; 256]) {
        let all: Vec<u8> = (0..=255).collect();
        let of_mask = |mask: u64| {
            let (factors, count) = factors(&sum(isa, mask, spec.coding), spec.coding);
            let gemm = Gemm::without_weights(isa, spec, &factors, count, &all);
            let correction = *gemm.correction();
            (Engine::Gemm(gemm), correction)
        };
        let table = match &spec.product {
            Product::Mask(mask) => return of_mask(*mask),
            Product::Table(table) => table,
        };
        if let Some(mask) = structure::mask(table, spec.coding) {
            return of_mask(mask);
        }
        match Factors::new(table, &all, Gemm::span(isa)) {
            Some(factors) => {
                let gemm = Gemm::without_weights(isa, spec, &factors.terms, None, &all);
                let sum = Sum::new(gemm, &factors);
                let correction = added(sum.gemm.correction(), &factors.of_code);
                (Engine::Factors(Box::new(sum)), correction)
            }
            None => (Engine::Table(Table::new(isa, spec, table)), [0; 256]),
        }
    }

    /// Puts the weights of `spec` in the place of those that are there.
    ///
    /// # Panics
    /// If it was not made by [`Engine::for_loads`].
    pub fn load(&mut self, spec: &MacSpec) {
        match self {
            Engine::Gemm(gemm) => gemm.load(spec),
            Engine::Factors(sum) => {
                sum.gemm.load(spec);
                sum.set_constants(spec);
            }
            Engine::Table(table) => table.load(spec),
            _ => unreachable!("not for loads"),
        }
    }

    fn of_mask(isa: Isa, spec: &MacSpec, mask: u64) -> (Engine, [i32; 256]) {
        let (shape, coding) = (&spec.shape, spec.coding);
        if Depthwise::fits(shape) {
            // Two products take less time than a lookup.
            if terms(mask).len() > 2
                && let Some((lookup, correction)) =
                    Lookup::new(isa, spec, &terms::table(mask, coding))
            {
                return (Engine::Lookup(Box::new(lookup)), correction);
            }
            let factors = terms(mask).into_iter().map(|term| Factor::of_term(term, coding));
            return match Columns::new(isa, spec, &factors.collect::<Vec<_>>()) {
                Some((columns, correction)) => (Engine::Columns(columns), correction),
                None => (Engine::Depthwise(Depthwise::new(isa, spec, &terms(mask))), [0; 256]),
            };
        }
        let sum = sum(isa, mask, coding);
        let lookup = byte_lookup::profile(isa)
            .and_then(|profile| split(mask, &sum, coding, shape.positions(), profile));
        let bytes = lookup.and_then(|(term, _)| {
            // Of the weights that there are, all that is left may well fit a byte.
            let terms = if term.is_some() { &[term, None][..] } else { &[None] };
            ByteLookup::new(isa, spec, &terms::table(mask, coding), terms, usize::MAX)
        });
        if let Some(bytes) = bytes {
            return Self::of_bytes(isa, spec, bytes);
        }
        if sum.products() > products_per_row(isa) && are_rows_fast(shape) {
            return Self::of_rows(isa, spec, &terms::table(mask, coding));
        }
        let (factors, count) = factors(&sum, coding);
        let gemm = Gemm::new(isa, spec, &factors, count);
        let correction = *gemm.correction();
        (Engine::Gemm(gemm), correction)
    }

    fn of_table(isa: Isa, spec: &MacSpec, table: &Arc<[i32]>) -> (Engine, [i32; 256]) {
        let shape = &spec.shape;
        if Depthwise::fits(shape) {
            if let Some((lookup, correction)) = Lookup::new(isa, spec, table) {
                return (Engine::Lookup(Box::new(lookup)), correction);
            }
            return (Engine::Depthwise(Depthwise::with_table(isa, spec, table)), [0; 256]);
        }
        let factors = Factors::new(table, &spec.used_weights(), Gemm::span(isa));
        let products = factors.as_ref().map_or(usize::MAX, |factors| factors.terms.len());
        let exact = Term { rows: 0xff, keep: 0xff };
        if let Some(bytes) = ByteLookup::new(isa, spec, table, &[None, Some(exact)], products) {
            return Self::of_bytes(isa, spec, bytes);
        }
        match factors {
            Some(factors) if products <= products_per_row(isa) || !are_rows_fast(shape) => {
                Self::of_factors(isa, spec, &factors)
            }
            _ if are_rows_fast(shape) => Self::of_rows(isa, spec, table),
            _ => (Engine::Table(Table::new(isa, spec, table)), [0; 256]),
        }
    }

    fn of_rows(isa: Isa, spec: &MacSpec, table: &[i32]) -> (Engine, [i32; 256]) {
        let rows = RowsConv::new(isa, spec, table);
        let correction = rows.correction();
        (Engine::Rows(Box::new(rows)), correction)
    }

    fn of_bytes(isa: Isa, spec: &MacSpec, bytes: ByteLookup) -> (Engine, [i32; 256]) {
        let missing = bytes.missing().map(|term| Factor::of_term(term, spec.coding));
        let gemm = Gemm::new(isa, spec, &Vec::from_iter(missing), None);
        let correction = added(gemm.correction(), bytes.correction());
        (Engine::Bytes(Box::new((bytes, gemm))), correction)
    }

    fn of_factors(isa: Isa, spec: &MacSpec, factors: &Factors) -> (Engine, [i32; 256]) {
        let gemm = Gemm::new(isa, spec, &factors.terms, None);
        let correction = added(gemm.correction(), &factors.of_code);
        let mut sum = Sum::new(gemm, factors);
        sum.set_constants(spec);
        (Engine::Factors(Box::new(sum)), correction)
    }

    /// See [`MacLayer::kernel_name`](crate::MacLayer::kernel_name).
    pub fn name(&self) -> String {
        match self {
            Engine::Gemm(gemm) if gemm.has_count() => format!("gemm{}+count", gemm.terms()),
            Engine::Gemm(gemm) => format!("gemm{}", gemm.terms()),
            Engine::Factors(sum) => format!("map+gemm{}", sum.gemm.terms()),
            Engine::Bytes(parts) => {
                let (index, bytes) = parts.0.size();
                let bytes = format!("lookup{index}x{bytes}");
                match parts.1.terms() {
                    0 => bytes,
                    terms => format!("gemm{terms}+{bytes}"),
                }
            }
            Engine::Rows(rows) => format!("rows{}", rows.bits()),
            Engine::Depthwise(_) | Engine::Columns(_) => "depthwise".to_owned(),
            Engine::Lookup(lookup) => {
                let (index, bytes) = lookup.size();
                format!("depthwise+lookup{index}x{bytes}")
            }
            Engine::Table(_) => "table".to_owned(),
        }
    }

    /// Whether blocks take filters of many groups, since each filter has a channel of its own.
    pub fn is_depthwise(&self) -> bool {
        matches!(self, Engine::Depthwise(_) | Engine::Columns(_) | Engine::Lookup(_))
    }

    /// Has X summed along with the products, if the engine can: whether it does.
    pub fn sum_also(&mut self, x: &CodeFunction) -> bool {
        match self {
            Engine::Columns(columns) => columns.sum_also(x),
            Engine::Lookup(lookup) => lookup.sum_also(x),
            _ => false,
        }
    }

    /// Whether there are X that it sums.
    pub fn can_sum(&self) -> bool {
        matches!(self, Engine::Columns(_) | Engine::Lookup(_))
    }

    /// Images that should be computed together.
    pub fn batch(&self) -> usize {
        match self {
            Engine::Gemm(gemm) => gemm.images(),
            Engine::Factors(sum) => sum.gemm.images(),
            Engine::Bytes(parts) => parts.0.images(),
            Engine::Rows(rows) => rows.images(),
            _ => 1,
        }
    }

    /// What is computed for several images together, before they are run one by one.
    pub fn prepare<'a>(&self, inputs: impl Iterator<Item = &'a [u8]>, images: &mut Images) {
        match self {
            Engine::Bytes(parts) if parts.0.streams(parts.1.is_in_order()) => {
                parts.0.begin(inputs, &mut images.bytes);
            }
            Engine::Bytes(parts) => parts.0.run(inputs, &mut images.bytes),
            Engine::Rows(rows) => rows.run(inputs, &mut images.rows),
            _ => {}
        }
    }

    /// Runs image `number` of those that were prepared together.
    pub fn run(
        &self,
        isa: Isa,
        input: &[u8],
        number: (usize, usize),
        images: &mut Images,
        mut sink: impl FnMut(Tile<'_>),
    ) {
        let Images { image, columns, planes, gemm: buffers, bytes, rows } = images;
        match self {
            Engine::Gemm(gemm) => gemm.run(input, buffers, sink),
            Engine::Factors(sum) => {
                let Sum { gemm, constants, .. } = &**sum;
                gemm.run(input, buffers, |mut tile| {
                    add_constants(isa, constants, &mut tile);
                    sink(tile);
                });
            }
            Engine::Bytes(parts) => {
                let (conv, gemm) = &**parts;
                match (conv.streams(gemm.is_in_order()), gemm.terms()) {
                    (false, 0) => return conv.tiles(bytes, number, sink),
                    (true, 0) => return conv.stream(bytes, sink),
                    (false, _) => {}
                    (true, _) => {
                        return gemm.run(input, buffers, |mut tile| {
                            conv.stream_to(bytes, &mut tile);
                            sink(tile);
                        });
                    }
                }
                let (number, count) = number;
                gemm.run(input, buffers, |mut tile| {
                    conv.add_to(bytes, count, number, &mut tile);
                    sink(tile);
                });
            }
            Engine::Rows(conv) => conv.tiles(rows, number, sink),
            Engine::Depthwise(depthwise) => depthwise.run(input, image, sink),
            Engine::Columns(engine) => engine.run(input, columns, sink),
            Engine::Lookup(lookup) => lookup.run(input, planes, sink),
            Engine::Table(table) => table.run(input, image, sink),
        }
    }
}

/// A mask's products as a sum that the instruction set computes soonest.
fn sum(isa: Isa, mask: u64, coding: WeightCoding) -> terms::Sum {
    match Gemm::counts(isa) {
        true => terms::Sum::with_count(mask, coding),
        false => terms::Sum::of_terms(mask),
    }
}

fn factors(sum: &terms::Sum, coding: WeightCoding) -> (Vec<Factor>, Option<Count>) {
    let factors = sum.terms.iter().map(|&term| Factor::of_term(term, coding));
    (factors.collect(), sum.count)
}

/// Ordinary products that take no longer than a product by rows; measured, but for NEON.
fn products_per_row(isa: Isa) -> usize {
    match isa.level() {
        Level::Scalar => 0,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 3,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni => 4,
        #[cfg(target_arch = "aarch64")]
        Level::Neon => 2,
    }
}

/// Building rows takes longer than it saves for few positions; blocks of one filter would be mostly
/// idle.
fn are_rows_fast(shape: &ConvShape) -> bool {
    shape.positions() >= 16 && shape.filters_per_group() >= 4
}

#[inline(always)]
fn add_constants_body(constants: &[[i32; LANES]], tile: &mut Tile<'_>) {
    let constants = &constants[tile.block..][..tile.blocks];
    for acc in tile.acc.chunks_exact_mut(tile.blocks * LANES) {
        for (acc, constants) in acc.as_chunks_mut::<LANES>().0.iter_mut().zip(constants) {
            for (acc, constant) in acc.iter_mut().zip(constants) {
                *acc = acc.wrapping_add(*constant);
            }
        }
    }
}

multiversion! {
    fn add_constants(isa, constants: &[[i32; LANES]], tile: &mut Tile<'_>) = add_constants_body;
}

fn added(a: &[i32; 256], b: &[i32; 256]) -> [i32; 256] {
    std::array::from_fn(|code| a[code].wrapping_add(b[code]))
}
