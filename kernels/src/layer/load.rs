//! A layer whose weights are codes that each image brings, as those of products of two activations are.

use std::sync::Arc;

use crate::{Isa, KernelError, MacLayer, MacSpec, engine::Engine};

use super::Kernel;

/// A layer whose weights change. What does not depend on them is made once.
#[derive(Debug)]
pub struct LoadLayer(MacLayer);

/// What changes with the weights of a [`LoadLayer`].
#[derive(Debug)]
pub struct Loaded<'a> {
    /// [`MacSpec::weights`].
    pub weights: &'a mut [u8],
    /// [`MacSpec::constant`].
    pub constant: &'a mut [i32],
    /// C of each function of the control variate, for each filter.
    pub c: Vec<&'a mut [i32]>,
}

impl LoadLayer {
    /// Prepares `spec` for the kernels of `isa` and for any weights; it has those of `spec`.
    ///
    /// # Errors
    /// Whatever [`MacSpec::validate`] finds.
    pub fn new(isa: Isa, spec: MacSpec) -> Result<Self, KernelError> {
        let mut layer = MacLayer::with_engine(isa, spec, Engine::for_loads)?;
        layer.take_over();
        Ok(Self(layer))
    }

    /// Replaces what `write` changes.
    ///
    /// # Errors
    /// When a control variate with the C written is beyond what [`MacSpec::validate`] allows; the layer
    /// has to be loaded again then.
    pub fn load(&mut self, write: impl FnOnce(Loaded<'_>)) -> Result<(), KernelError> {
        let MacSpec { weights, constant, control, .. } = &mut self.0.spec;
        let terms = control.iter_mut().flat_map(|control| &mut control.terms);
        let c = terms.map(|term| &mut term.c[..]).collect();
        write(Loaded { weights: Arc::make_mut(weights), constant, c });
        self.0.spec.validate_control()?;
        self.0.take_over();
        Ok(())
    }

    /// The layer with what was loaded last.
    pub fn layer(&self) -> &MacLayer {
        &self.0
    }
}

impl MacLayer {
    /// Brings what depends on weights in line with the description.
    fn take_over(&mut self) {
        let Kernel::Fast(fast) = &mut self.kernel else { return };
        let engine = Arc::get_mut(&mut fast.engine).expect("one that is loaded is not shared");
        engine.load(&self.spec);
        fast.epilogue.load(&self.spec);
        if let (Some(combination), Some(control)) = (&mut fast.combination, &self.spec.control) {
            combination.load(control);
        }
    }
}
