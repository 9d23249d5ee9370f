//! A layer, prepared once and run on many images.

mod load;
mod shape;
pub(crate) mod spec;

pub use load::{LoadLayer, Loaded};
pub use shape::ConvShape;
pub use spec::{Control, ControlTerm, MacSpec, OutputSpec, Product, ResidualSpec, WeightCoding};

use std::sync::Arc;

use crate::{
    Isa, KernelError,
    engine::{Engine, Images},
    naive,
    output::{
        blocks::{Block, LANES, blocks},
        combine::Combination,
        epilogue::{Epilogue, SumLayout, Sums},
        rounding::{self, Steps},
        sums::{self, CodeFunction, Windows},
    },
};
use spec::validate_output;

/// What is added before the activation function, `[positions][filters]` like the output.
#[derive(Debug, Clone, Copy)]
pub enum Residual<'a> {
    /// Nothing.
    None,
    /// Codes.
    U8(&'a [u8]),
    /// Real values.
    F32(&'a [f32]),
}

/// Where the output goes, `[positions][filters]`.
#[derive(Debug)]
pub enum Output<'a> {
    /// Codes.
    U8(&'a mut [u8]),
    /// Real values.
    F32(&'a mut [f32]),
}

impl Output<'_> {
    fn reborrow(&mut self) -> Output<'_> {
        match self {
            Output::U8(codes) => Output::U8(codes),
            Output::F32(values) => Output::F32(values),
        }
    }
}

/// One image of a batch.
#[derive(Debug)]
pub struct BatchItem<'a> {
    /// Codes, `[height][width][channels]`.
    pub input: &'a [u8],
    /// What is added before the activation function.
    pub residual: Residual<'a>,
    /// Where the output goes.
    pub output: Output<'a>,
}

/// Buffers that the kernels reuse from call to call; one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    images: Images,
    offset: Vec<i32>,
    control: Vec<i32>,
    codes: Vec<i32>,
    combined: Vec<Vec<i32>>,
    sums: sums::Buffers,
}

/// A layer ready to run: checked, weights packed. Share it between threads freely.
#[derive(Debug)]
pub struct MacLayer {
    spec: MacSpec,
    isa: Isa,
    kernel: Kernel,
}

#[derive(Debug)]
enum Kernel {
    Naive,
    Fast(Box<Fast>),
}

/// An engine for the products and what surrounds it.
#[derive(Debug)]
struct Fast {
    /// Shared by layers that differ in nothing that it knows of.
    engine: Arc<Engine>,
    /// What the engine leaves out of its sums, as a function of the code.
    left_out: [i32; 256],
    /// Whether it sums x(a) along with the products.
    sums_x: bool,
    /// Several functions x.
    combination: Option<Combination>,
    epilogue: Epilogue,
    sums: SumFunctions,
    windows: Windows,
}

/// The sums over the receptive field that a layer needs; None where they would be 0.
#[derive(Debug)]
struct SumFunctions {
    /// What the engine leaves out of its accumulators.
    correction: Option<CodeFunction>,
    /// The correction, and the zero point's term if all filters have the same zero point; absent
    /// also if it is a multiple of x(a), whose sum then serves both.
    offset: Option<CodeFunction>,
    /// x(a), if there is one function and the engine does not sum it.
    control: Option<CodeFunction>,
    /// a, if the filters have different zero points.
    codes: Option<CodeFunction>,
}

impl SumFunctions {
    /// The functions, and what is added times the sum of x(a) besides the control variate.
    fn new(spec: &MacSpec, correction: &[i32; 256]) -> (SumFunctions, i32) {
        let first = spec.weight_zero_points[0];
        let uniform = spec.weight_zero_points.iter().all(|&z| z == first);
        let zero_point = if uniform { first } else { 0 };
        let code: [i32; 256] = std::array::from_fn(|a| a as i32);
        let offset = code.map(|a| correction[a as usize].wrapping_sub(zero_point.wrapping_mul(a)));
        let x = only_x(spec);
        let offset_scale = multiple(&offset, &x);
        let functions = SumFunctions {
            correction: CodeFunction::new(correction),
            offset: if offset_scale.is_some() { None } else { CodeFunction::new(&offset) },
            control: CodeFunction::new(&x),
            codes: if uniform { None } else { CodeFunction::new(&code) },
        };
        (functions, offset_scale.unwrap_or(0))
    }
}

/// x of a control variate of one function; 0 without one.
fn only_x(spec: &MacSpec) -> [i32; 256] {
    match spec.control.as_ref().map(|control| control.terms.as_slice()) {
        Some([term]) => term.x.map(i32::from),
        _ => [0; 256],
    }
}

/// The s with f = s x, if there is one. A perforated multiplier's offset is such a multiple, as
/// what it drops of a is both its x and what the zero point's term has left over.
fn multiple(f: &[i32; 256], x: &[i32; 256]) -> Option<i32> {
    let scale = f.iter().zip(x).find(|&(_, &x)| x != 0).map_or(0, |(f, x)| f / x);
    f.iter().zip(x).all(|(&f, x)| f == x.wrapping_mul(scale)).then_some(scale)
}

impl MacLayer {
    /// Prepares `spec` for the kernels of `isa`.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn new(isa: Isa, spec: MacSpec) -> Result<Self, KernelError> {
        Self::with_engine(isa, spec, Engine::new)
    }

    fn with_engine(
        isa: Isa,
        spec: MacSpec,
        engine: fn(Isa, &MacSpec) -> (Engine, [i32; 256]),
    ) -> Result<Self, KernelError> {
        spec.validate()?;
        let (mut engine, left_out) = engine(isa, &spec);
        let sums_x = CodeFunction::new(&only_x(&spec)).is_some_and(|x| engine.sum_also(&x));
        Ok(Self::around(isa, spec, Arc::new(engine), left_out, sums_x))
    }

    /// The same layer with all else than its products as `spec` says: what is packed for them is
    /// shared. If `spec` has other products, it is as new.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn with_spec(&self, spec: MacSpec) -> Result<Self, KernelError> {
        let Kernel::Fast(fast) = &self.kernel else { return Self::new_naive(spec) };
        let knows_x = fast.engine.can_sum() && !self.spec.has_functions_of(&spec);
        if knows_x || !self.spec.has_products_of(&spec) {
            return Self::new(self.isa, spec);
        }
        spec.validate()?;
        Ok(Self::around(self.isa, spec, fast.engine.clone(), fast.left_out, fast.sums_x))
    }

    /// What surrounds an engine.
    fn around(
        isa: Isa,
        spec: MacSpec,
        engine: Arc<Engine>,
        left_out: [i32; 256],
        sums_x: bool,
    ) -> Self {
        let shape = &spec.shape;
        let blocks = match engine.is_depthwise() {
            true => blocks(1, shape.filters),
            false => blocks(shape.groups, shape.filters_per_group()),
        };
        let (mut sums, offset_scale) = SumFunctions::new(&spec, &left_out);
        sums.control = sums.control.filter(|_| !sums_x);
        let control = spec.control.as_ref();
        let combination = control.and_then(|control| Combination::new(control, shape, &blocks));
        let epilogue = Epilogue::new(&spec, blocks, offset_scale);
        let windows = Windows::new(isa, shape, spec.input_zero_point);
        let fast = Fast { engine, left_out, sums_x, combination, epilogue, sums, windows };
        MacLayer { isa, kernel: Kernel::Fast(Box::new(fast)), spec }
    }

    /// Prepares `spec` for the loops of [`naive`]: slow, and right by inspection.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn new_naive(spec: MacSpec) -> Result<Self, KernelError> {
        spec.validate()?;
        Ok(MacLayer { isa: Isa::SCALAR, kernel: Kernel::Naive, spec })
    }

    /// The description the layer was made from.
    pub fn spec(&self) -> &MacSpec {
        &self.spec
    }

    /// Which kernel runs: "naive", or `{arch}-{kind}` with [`Isa::name`] and
    ///
    /// - `gemm{n}`: n ordinary products per product of the multiplier; after `map`, of bytes that
    ///   stand for the code and for the weight; with `+count`, and bits that are counted,
    /// - `lookup{index bits}x{bytes}`: as so many bytes looked up in registers; after `gemm1` what
    ///   one ordinary product leaves,
    /// - `rows{bits}`: any table, one code selecting the products of 16 filters,
    /// - `depthwise`: channels side by side, for one filter per channel; with `+lookup` one after the
    ///   other, by bytes looked up as above,
    /// - `table`: one lookup per product in the table of all products.
    pub fn kernel_name(&self) -> String {
        let arch = self.isa.name();
        match &self.kernel {
            Kernel::Naive => "naive".to_owned(),
            Kernel::Fast(fast) => format!("{arch}-{}", fast.engine.name()),
        }
    }

    /// sum_j p(w_fj, a_j) for each output, `[positions][filters]`, wrapping. // eq. (1.1)
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn accumulate(&self, input: &[u8], scratch: &mut Scratch, acc: &mut [i32]) {
        self.check_input(input);
        let shape = &self.spec.shape;
        assert_eq!(acc.len(), shape.output_len(), "length of acc");
        let fast = match &self.kernel {
            Kernel::Naive => return naive::accumulate(&self.spec, input, acc),
            Kernel::Fast(fast) => fast,
        };
        let Scratch { images, offset, sums, .. } = scratch;
        let offset = fast.windows.fill(fast.sums.correction.as_ref(), input, sums, offset);
        fast.engine.prepare([input].into_iter(), images);
        let is_depthwise = fast.engine.is_depthwise();
        fast.engine.run(self.isa, input, (0, 1), images, |tile| {
            let rows = tile.acc.chunks_exact(tile.blocks * LANES);
            for (position, row) in (tile.position..).zip(rows) {
                let blocks = &fast.epilogue.blocks()[tile.block..];
                for (lanes, block) in row.chunks_exact(LANES).zip(blocks) {
                    let &Block { filter, count, group } = block;
                    let acc = &mut acc[position * shape.filters + filter..][..count];
                    for (lane, (acc, sum)) in acc.iter_mut().zip(lanes).enumerate() {
                        let group = if is_depthwise { filter + lane } else { group };
                        // Absent for engines that leave nothing out.
                        let correction = offset.get(position * shape.groups + group).unwrap_or(&0);
                        *acc = sum.wrapping_add(*correction);
                    }
                }
            }
        });
    }

    /// sum_j f(a_j) over each receptive field, `[positions][groups]`, wrapping. // eq. (3.1)
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn position_sums(
        &self,
        f: &[i32; 256],
        input: &[u8],
        scratch: &mut Scratch,
        out: &mut [i32],
    ) {
        let shape = &self.spec.shape;
        self.check_input(input);
        assert_eq!(out.len(), shape.positions() * shape.groups, "length of out");
        let padding = self.spec.input_zero_point;
        match &self.kernel {
            Kernel::Naive => naive::position_sums(shape, padding, f, input, out),
            Kernel::Fast(fast) => match CodeFunction::new(f) {
                Some(f) => fast.windows.sum(&f, input, &mut scratch.sums, out),
                None => out.fill(0),
            },
        }
    }

    /// Images that [`MacLayer::run_batch`] likes to get together: more than one where something
    /// large is prepared that serves them all, or more weights are read than caches hold.
    pub fn batch(&self) -> usize {
        match &self.kernel {
            Kernel::Naive => 1,
            Kernel::Fast(fast) => fast.engine.batch(),
        }
    }

    /// The whole layer on one image, as [`MacSpec`] defines it.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says, or `residual` or `output` is not
    /// of the type that the description names.
    pub fn run(
        &self,
        input: &[u8],
        residual: Residual<'_>,
        output: Output<'_>,
        scratch: &mut Scratch,
    ) {
        self.run_batch(&mut [BatchItem { input, residual, output }], scratch);
    }

    /// [`MacLayer::run`] on several images; the same numbers, sooner.
    ///
    /// # Panics
    /// As [`MacLayer::run`].
    pub fn run_batch(&self, items: &mut [BatchItem<'_>], scratch: &mut Scratch) {
        for item in &*items {
            self.check_input(item.input);
            self.check_residual(&item.residual);
            self.check_output(&item.output);
        }
        let fast = match &self.kernel {
            Kernel::Naive => {
                for item in items {
                    naive::run(&self.spec, item.input, item.residual, item.output.reborrow());
                }
                return;
            }
            Kernel::Fast(fast) => fast,
        };
        for items in items.chunks_mut(fast.engine.batch()) {
            fast.engine.prepare(items.iter().map(|item| item.input), &mut scratch.images);
            let count = items.len();
            for (number, item) in items.iter_mut().enumerate() {
                self.run_prepared(fast, (number, count), item, scratch);
            }
        }
    }

    fn run_prepared(
        &self,
        fast: &Fast,
        number: (usize, usize),
        item: &mut BatchItem<'_>,
        scratch: &mut Scratch,
    ) {
        let BatchItem { input, residual, output } = item;
        let Scratch { images, offset, control, codes, combined, sums } = scratch;
        let offset = fast.windows.fill(fast.sums.offset.as_ref(), input, sums, offset);
        let control = fast.windows.fill(fast.sums.control.as_ref(), input, sums, control);
        let codes = fast.windows.fill(fast.sums.codes.as_ref(), input, sums, codes);
        let functions = fast.combination.as_ref().map_or(&[][..], Combination::functions);
        combined.resize_with(functions.len().max(combined.len()), Vec::new);
        let x = functions.iter().zip(combined);
        let x = x.map(|(x, buffer)| fast.windows.fill(x.as_ref(), input, sums, buffer));
        let combined: Vec<&[i32]> = x.collect();
        let layout = match fast.engine.is_depthwise() {
            true => SumLayout::PerFilter,
            false => SumLayout::PerGroup,
        };
        let sums = Sums { layout, offset, control, codes };
        fast.engine.run(self.isa, input, number, images, |mut tile| {
            if let Some(combination) = &fast.combination {
                combination.add(self.isa, &combined, &mut tile);
            }
            fast.epilogue.apply(self.isa, tile, sums, *residual, output);
        });
    }

    fn check_input(&self, input: &[u8]) {
        assert_eq!(input.len(), self.spec.shape.input_len(), "length of the input");
    }

    fn check_residual(&self, residual: &Residual<'_>) {
        let len = match (self.spec.residual, residual) {
            (ResidualSpec::None, Residual::None) => return,
            (ResidualSpec::U8 { .. }, Residual::U8(codes)) => codes.len(),
            (ResidualSpec::F32, Residual::F32(values)) => values.len(),
            (made_for, _) => panic!("the layer was made for a residual of type {made_for:?}"),
        };
        assert_eq!(len, self.spec.shape.output_len(), "length of the residual");
    }

    fn check_output(&self, output: &Output<'_>) {
        let len = match (self.spec.output, output) {
            (OutputSpec::U8 { .. }, Output::U8(codes)) => codes.len(),
            (OutputSpec::F32, Output::F32(values)) => values.len(),
            (made_for, _) => panic!("the layer was made for an output of type {made_for:?}"),
        };
        assert_eq!(len, self.spec.shape.output_len(), "length of the output");
    }
}

/// The kernel that computes a multiplier's products in a common layer: 3 x 3, of 32 to 32 channels
/// of 16 x 16, with weights of all values.
///
/// # Panics
/// If a table has not 65,536 entries.
pub fn common_kernel(isa: Isa, product: Product, coding: WeightCoding) -> String {
    let shape = ConvShape {
        height: 16,
        kernel_height: 3,
        kernel_width: 3,
        pad_top: 1,
        pad_left: 1,
        pad_bottom: 1,
        pad_right: 1,
        ..ConvShape::linear(16, 32, 32)
    };
    let weights: Vec<u8> = (0..shape.filters * shape.depth()).map(|j| j as u8).collect();
    let spec = MacSpec::bare(shape, weights, coding, product);
    MacLayer::new(isa, spec).expect("a valid layer").kernel_name()
}

/// The codes of real values, rounded as [`OutputSpec::U8`] says; NaN gives the lowest code.
///
/// # Errors
/// [`KernelError::Range`] for an `inv_scale`, `zero_point` or `dropped_bits` outside its range.
///
/// # Panics
/// If the slices differ in length.
pub fn quantize(
    isa: Isa,
    input: &[f32],
    inv_scale: f32,
    zero_point: u8,
    dropped_bits: u32,
    out: &mut [u8],
) -> Result<(), KernelError> {
    validate_output(inv_scale, zero_point, dropped_bits)?;
    assert_eq!(input.len(), out.len(), "lengths of input and out");
    rounding::quantize(isa, input, Steps::new(inv_scale, zero_point, dropped_bits), out);
    Ok(())
}
