//! What computes a layer's products, chosen by what the multiplier is.

use crate::{
    Isa, MacSpec, Product,
    byte_lookup::{self, ByteLookup},
    depthwise::Depthwise,
    epilogue::Tile,
    gemm::Gemm,
    rows::{self, RowsConv},
    structure::{self, Factors},
    table::Table,
    terms::{self, Term, split, terms},
};

/// What the engines write.
#[derive(Debug, Default)]
pub(crate) struct Images {
    image: Vec<u8>,
    mapped: Vec<u8>,
    bytes: byte_lookup::Buffers,
    rows: rows::Buffers,
}

#[derive(Debug)]
pub(crate) enum Engine {
    Gemm(Gemm),
    /// A table f(a) g(w): exact products of the codes' f and the weights' g.
    Factors(Box<([u8; 256], Gemm)>),
    /// By bytes looked up in registers, and a term that they leave out.
    Bytes(Box<(ByteLookup, Gemm)>),
    /// Any table, by rows.
    Rows(Box<RowsConv>),
    Depthwise(Depthwise),
    Table(Table),
}

impl Engine {
    /// The engine for a valid `spec`, and what it leaves out of its sums as a function of the code.
    pub fn new(isa: Isa, spec: &MacSpec) -> (Engine, [i32; 256]) {
        let shape = &spec.shape;
        // A table that is a mask runs as one.
        let mask = match &spec.product {
            Product::Table(table) => structure::mask(table, spec.coding).map(Product::Mask),
            Product::Mask(_) => None,
        };
        let product = mask.as_ref().unwrap_or(&spec.product);
        let factors = match product {
            Product::Table(table) if !Depthwise::fits(shape) => {
                structure::factors(table, spec.coding)
            }
            _ => None,
        };
        if let Some(Factors { of_code, of_weight }) = factors {
            let mut factors = spec.clone();
            factors.weights.iter_mut().for_each(|w| *w = of_weight[usize::from(*w)]);
            factors.input_zero_point = of_code[usize::from(spec.input_zero_point)];
            let gemm = Gemm::new(isa, &factors, &terms(u64::MAX));
            let correction = of_code.map(|f| gemm.correction()[usize::from(f)]);
            return (Engine::Factors(Box::new((of_code, gemm))), correction);
        }
        let bytes = match product {
            _ if Depthwise::fits(shape) => None,
            Product::Table(table) => {
                let exact = Term { rows: 0xff, keep: 0xff };
                ByteLookup::new(isa, spec, table, &[None, Some(exact)])
            }
            Product::Mask(mask) => {
                let profile = byte_lookup::profile(isa);
                let split = profile
                    .and_then(|profile| split(*mask, spec.coding, shape.positions(), profile));
                split.and_then(|(term, _)| {
                    ByteLookup::new(isa, spec, &terms::table(*mask, spec.coding), &[term])
                })
            }
        };
        match (product, bytes) {
            (_, Some(bytes)) => {
                let missing: Vec<Term> = bytes.missing().into_iter().collect();
                let gemm = Gemm::new(isa, spec, &missing);
                let correction = added(gemm.correction(), bytes.correction());
                (Engine::Bytes(Box::new((bytes, gemm))), correction)
            }
            (Product::Table(table), None) if Depthwise::fits(shape) => {
                (Engine::Depthwise(Depthwise::with_table(isa, spec, table)), [0; 256])
            }
            // Building rows takes longer than it saves for few positions; blocks of one filter
            // would be mostly idle.
            (Product::Table(table), None)
                if shape.positions() < 16 || shape.filters_per_group() < 4 =>
            {
                (Engine::Table(Table::new(isa, spec, table)), [0; 256])
            }
            (Product::Table(table), None) => {
                let rows = RowsConv::new(isa, spec, table);
                let correction = rows.correction();
                (Engine::Rows(Box::new(rows)), correction)
            }
            (Product::Mask(mask), None) if Depthwise::fits(shape) => {
                (Engine::Depthwise(Depthwise::new(isa, spec, &terms(*mask))), [0; 256])
            }
            (Product::Mask(mask), None) => {
                let gemm = Gemm::new(isa, spec, &terms(*mask));
                let correction = *gemm.correction();
                (Engine::Gemm(gemm), correction)
            }
        }
    }

    /// See [`MacLayer::kernel_name`](crate::MacLayer::kernel_name).
    pub fn name(&self) -> String {
        match self {
            Engine::Gemm(gemm) => format!("gemm{}", gemm.terms()),
            Engine::Factors(parts) => format!("map+gemm{}", parts.1.terms()),
            Engine::Bytes(parts) => {
                let (index, bytes) = parts.0.size();
                let bytes = format!("lookup{index}x{bytes}");
                match parts.1.terms() {
                    0 => bytes,
                    terms => format!("gemm{terms}+{bytes}"),
                }
            }
            Engine::Rows(rows) => format!("rows{}", rows.bits()),
            Engine::Depthwise(_) => "depthwise".to_owned(),
            Engine::Table(_) => "table".to_owned(),
        }
    }

    /// Images that should be computed together.
    pub fn batch(&self) -> usize {
        match self {
            Engine::Bytes(parts) => parts.0.images(),
            Engine::Rows(rows) => rows.images(),
            _ => 1,
        }
    }

    /// What is computed for several images together, before they are run one by one.
    pub fn prepare<'a>(&self, inputs: impl Iterator<Item = &'a [u8]>, images: &mut Images) {
        match self {
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
        let Images { image, mapped, bytes, rows } = images;
        match self {
            Engine::Gemm(gemm) => gemm.run(input, image, sink),
            Engine::Factors(parts) => {
                let (of_code, gemm) = &**parts;
                mapped.clear();
                mapped.extend_from_slice(input);
                byte_lookup::map_codes(isa, of_code, mapped);
                gemm.run(mapped, image, sink);
            }
            Engine::Bytes(parts) => {
                let (conv, gemm) = &**parts;
                if gemm.terms() == 0 {
                    return conv.tiles(bytes, number, sink);
                }
                let (number, count) = number;
                gemm.run(input, image, |mut tile| {
                    conv.add_to(bytes, count, number, &mut tile);
                    sink(tile);
                });
            }
            Engine::Rows(conv) => conv.tiles(rows, number, sink),
            Engine::Depthwise(depthwise) => depthwise.run(input, image, sink),
            Engine::Table(table) => table.run(input, image, sink),
        }
    }
}

fn added(a: &[i32; 256], b: &[i32; 256]) -> [i32; 256] {
    std::array::from_fn(|code| a[code].wrapping_add(b[code]))
}
