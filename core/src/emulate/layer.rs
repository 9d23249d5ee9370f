//! A layer on the multipliers as a network holds it: a kernel, or what makes one of the codes that an
//! image brings for the place of the weights.

use std::ops::Deref;
use std::sync::Arc;

use recoup_kernels::{Isa, KernelError, MacLayer, MacSpec};

use crate::control_variate::LoadConstants;

use super::prepared::zero_point_terms;

/// A layer, ready to run or to be loaded.
#[derive(Debug)]
pub(super) struct Layer {
    kernel: MacLayer,
    load: Option<Load>,
}

/// How codes of an activation become a layer's weights.
#[derive(Clone, Debug)]
struct Load {
    isa: Isa,
    /// The weight byte of each code.
    bytes: [u8; 256],
    constants: Option<Arc<LoadConstants>>,
}

/// A kernel that is the layer's own, or was made for an image.
pub(super) enum Kernel<'l> {
    Shared(&'l MacLayer),
    Loaded(Box<MacLayer>),
}

impl Deref for Kernel<'_> {
    type Target = MacLayer;

    fn deref(&self) -> &MacLayer {
        match self {
            Self::Shared(kernel) => kernel,
            Self::Loaded(kernel) => kernel,
        }
    }
}

impl From<MacLayer> for Layer {
    fn from(kernel: MacLayer) -> Self {
        Self { kernel, load: None }
    }
}

impl Layer {
    /// One whose weights each image brings, as `bytes` says, with its constants; `kernel` has others
    /// in their place.
    pub fn of_load(
        kernel: MacLayer,
        isa: Isa,
        bytes: [u8; 256],
        constants: Option<Arc<LoadConstants>>,
    ) -> Self {
        Self { kernel, load: Some(Load { isa, bytes, constants }) }
    }

    /// The same weights, or the same way to them, with all else as `spec` says.
    pub fn with_spec(&self, isa: Isa, spec: MacSpec) -> Result<Self, KernelError> {
        let kernel = match self.load {
            Some(_) => MacLayer::for_one_image(isa, spec)?,
            None => MacLayer::new(isa, spec)?,
        };
        Ok(Self { kernel, load: self.load.clone() })
    }

    /// The kernel that runs, whatever it is loaded with.
    pub fn kernel_name(&self) -> String {
        self.kernel.kernel_name()
    }

    /// All of the layer that does not depend on an image.
    pub fn spec(&self) -> &MacSpec {
        self.kernel.spec()
    }

    /// Whether each image brings its own weights.
    pub fn is_loaded(&self) -> bool {
        self.load.is_some()
    }

    /// Images that it likes to get together, see [`MacLayer::batch`].
    pub fn batch(&self) -> usize {
        if self.is_loaded() { 1 } else { self.kernel.batch() }
    }

    /// The kernel for an image that brings these codes; `None` where no image brings any.
    pub fn loaded(&self, codes: Option<&[u8]>) -> Kernel<'_> {
        self.with(|load| {
            let byte = |&code: &u8| load.bytes[usize::from(code)];
            codes.map(|codes| codes.iter().map(byte).collect())
        })
    }

    /// The same with the weights that another network's layer has been loaded with.
    pub fn loaded_like(&self, other: &MacLayer) -> Kernel<'_> {
        self.with(|_| Some(other.spec().weights.clone()))
    }

    fn with(&self, weights: impl FnOnce(&Load) -> Option<Vec<u8>>) -> Kernel<'_> {
        match self.load.as_ref().and_then(|load| Some((load, weights(load)?))) {
            Some((load, weights)) => {
                Kernel::Loaded(Box::new(load.kernel(self.kernel.spec(), weights)))
            }
            None => Kernel::Shared(&self.kernel),
        }
    }
}

impl Load {
    /// The layer `spec` with these weights, and the constants that come with them.
    fn kernel(&self, spec: &MacSpec, weights: Vec<u8>) -> MacLayer {
        let (depth, zero_points) = (spec.shape.depth(), &spec.weight_zero_points);
        let zero_a = spec.input_zero_point;
        let zero_terms = zero_point_terms((&weights, spec.coding), depth, zero_points, zero_a);
        // The template has the bias.
        let constant = zero_terms.zip(&spec.constant).map(|(term, bias)| term.wrapping_add(*bias));
        let constant = constant.collect();
        let mut loaded = MacSpec { constant, weights, ..spec.clone() };
        if let Some(constants) = &self.constants {
            let made = constants.of(&loaded.weights);
            let sums = loaded.constant.iter_mut().zip(&made.c0);
            sums.for_each(|(constant, c0)| *constant = constant.wrapping_add(*c0));
            let terms = loaded.control.iter_mut().flat_map(|control| &mut control.terms);
            terms.zip(made.c).for_each(|(term, c)| term.c = c);
        }
        MacLayer::for_one_image(self.isa, loaded)
            .expect("the template was valid, and constants are bounded")
    }
}
