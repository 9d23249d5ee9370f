//! A layer, prepared once and run on many images.

use crate::{Isa, KernelError, MacSpec, OutputSpec, ResidualSpec, naive, spec::validate_output};

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

/// Buffers that the kernels reuse from call to call; one per thread.
#[derive(Debug, Default)]
pub struct Scratch {}

/// A layer ready to run: checked, weights packed. Share it between threads freely.
#[derive(Debug)]
pub struct MacLayer {
    spec: MacSpec,
}

impl MacLayer {
    /// Prepares `spec` for the kernels of `isa`.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn new(_isa: Isa, spec: MacSpec) -> Result<Self, KernelError> {
        Self::new_naive(spec)
    }

    /// Prepares `spec` for the loops of [`naive`]: slow, and right by inspection.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn new_naive(spec: MacSpec) -> Result<Self, KernelError> {
        spec.validate()?;
        Ok(MacLayer { spec })
    }

    /// The description the layer was made from.
    pub fn spec(&self) -> &MacSpec {
        &self.spec
    }

    /// Which kernel runs, `{arch}-{kind}`, or "naive".
    pub fn kernel_name(&self) -> String {
        "naive".to_owned()
    }

    /// sum_j p(w_fj, a_j) for each output, `[positions][filters]`, wrapping. // eq. (1)
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn accumulate(&self, input: &[u8], _scratch: &mut Scratch, acc: &mut [i32]) {
        self.check_input(input);
        assert_eq!(acc.len(), self.spec.shape.output_len(), "length of acc");
        naive::accumulate(&self.spec, input, acc);
    }

    /// sum_j f(a_j) over each receptive field, `[positions][groups]`, wrapping. // eq. (5)
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn position_sums(
        &self,
        f: &[i32; 256],
        input: &[u8],
        _scratch: &mut Scratch,
        out: &mut [i32],
    ) {
        let shape = &self.spec.shape;
        self.check_input(input);
        assert_eq!(out.len(), shape.positions() * shape.groups, "length of out");
        naive::position_sums(shape, self.spec.input_zero_point, f, input, out);
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
        _scratch: &mut Scratch,
    ) {
        self.check_input(input);
        self.check_residual(&residual);
        self.check_output(&output);
        naive::run(&self.spec, input, residual, output);
    }

    fn check_input(&self, input: &[u8]) {
        assert_eq!(
            input.len(),
            self.spec.shape.input_len(),
            "length of the input"
        );
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

/// The codes of real values, rounded as [`OutputSpec::U8`] says; NaN gives the lowest code.
///
/// # Errors
/// [`KernelError::Range`] for an `inv_scale`, `zero_point` or `dropped_bits` outside its range.
///
/// # Panics
/// If the slices differ in length.
pub fn quantize(
    _isa: Isa,
    input: &[f32],
    inv_scale: f32,
    zero_point: u8,
    dropped_bits: u32,
    out: &mut [u8],
) -> Result<(), KernelError> {
    validate_output(inv_scale, zero_point, dropped_bits)?;
    assert_eq!(input.len(), out.len(), "lengths of input and out");
    for (&value, code) in input.iter().zip(out) {
        *code = naive::quantize(value, inv_scale, zero_point, dropped_bits);
    }
    Ok(())
}
