//! A layer on the multipliers as a network holds it: a kernel, or what makes one of the codes that an
//! image brings for the place of the weights.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use recoup_kernels::{Isa, KernelError, LoadLayer, Loaded, MacLayer, MacSpec, RowSums, map};

use crate::control_variate::LoadConstants;
use crate::multiplier::code_value;

use super::prepared::zero_point_term;

/// A layer, ready to run or to be loaded.
#[derive(Debug)]
pub(super) enum Layer {
    Ready(Box<MacLayer>),
    ToLoad(Box<Load>),
}

/// A layer whose weights each image brings.
#[derive(Debug)]
pub(super) struct Load {
    isa: Isa,
    /// The weight byte of each code.
    bytes: [u8; 256],
    /// With other weights, and without what comes with weights.
    template: LoadLayer,
    /// The values of weight bytes, where they are needed.
    values: Option<RowSums>,
    constants: Option<OfWeights>,
    /// Kernels that nobody runs at the moment, one for each thread that has run one.
    idle: Mutex<Idle>,
}

/// Boxes, which go out and come back with each image sooner than what is in them.
type Idle = Vec<Box<Place>>;

/// The constants that are made of weights.
#[derive(Debug)]
struct OfWeights {
    constants: Arc<LoadConstants>,
    /// What weights add to C_r, and to the mean of the error.
    c: Vec<RowSums>,
    mean: RowSums,
}

/// A kernel to load weights into, and memory to be used again.
#[derive(Debug)]
struct Place {
    layer: LoadLayer,
    sums: Vec<i64>,
    buffer: Vec<i32>,
}

/// A kernel that is the layer's own, or has been loaded for an image.
pub(super) enum Kernel<'l> {
    Shared(&'l MacLayer),
    Loaded(LoadedKernel<'l>),
}

/// A kernel of a layer, which it goes back to.
pub(super) struct LoadedKernel<'l> {
    load: &'l Load,
    /// None once it has gone back.
    place: Option<Box<Place>>,
}

impl Deref for Kernel<'_> {
    type Target = MacLayer;

    fn deref(&self) -> &MacLayer {
        match self {
            Self::Shared(kernel) => kernel,
            Self::Loaded(LoadedKernel { place, .. }) => {
                place.as_ref().expect("not gone before it is dropped").layer.layer()
            }
        }
    }
}

impl Drop for LoadedKernel<'_> {
    fn drop(&mut self) {
        self.load.idle().extend(self.place.take());
    }
}

impl From<MacLayer> for Layer {
    fn from(kernel: MacLayer) -> Self {
        Self::Ready(Box::new(kernel))
    }
}

impl Layer {
    /// One whose weights each image brings, as `bytes` says, with its constants; `spec` has others in
    /// their place.
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn of_load(
        isa: Isa,
        spec: MacSpec,
        bytes: [u8; 256],
        constants: Option<Arc<LoadConstants>>,
    ) -> Result<Self, KernelError> {
        let value = |byte: usize| code_value(byte as u8, spec.coding);
        let values = (spec.input_zero_point > 0).then(|| std::array::from_fn(value));
        let constants = constants.map(|constants| OfWeights {
            c: constants.c.iter().map(RowSums::new).collect(),
            mean: RowSums::new(&constants.mean),
            constants,
        });
        Ok(Self::ToLoad(Box::new(Load {
            isa,
            bytes,
            template: LoadLayer::new(isa, spec)?,
            values: values.as_ref().map(RowSums::new),
            constants,
            idle: Mutex::default(),
        })))
    }

    fn template(&self) -> &MacLayer {
        match self {
            Self::Ready(kernel) => kernel,
            Self::ToLoad(load) => load.template.layer(),
        }
    }

    /// The same weights, or the same way to them, with all else as `spec` says.
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn with_spec(&self, isa: Isa, spec: MacSpec) -> Result<Self, KernelError> {
        match self {
            Self::Ready(kernel) => Ok(kernel.with_spec(spec)?.into()),
            Self::ToLoad(load) => {
                let constants = load.constants.as_ref().map(|it| it.constants.clone());
                Self::of_load(isa, spec, load.bytes, constants)
            }
        }
    }

    /// The kernel that runs, whatever it is loaded with.
    pub fn kernel_name(&self) -> String {
        self.template().kernel_name()
    }

    /// All of the layer that does not depend on an image.
    pub fn spec(&self) -> &MacSpec {
        self.template().spec()
    }

    /// Whether each image brings its own weights.
    pub fn is_loaded(&self) -> bool {
        matches!(self, Self::ToLoad(_))
    }

    /// Images that it likes to get together, see [`MacLayer::batch`].
    pub fn batch(&self) -> usize {
        match self {
            Self::Ready(kernel) => kernel.batch(),
            Self::ToLoad(_) => 1,
        }
    }

    /// The kernel for an image that brings these codes; `None` where no image brings any.
    pub fn loaded(&self, codes: Option<&[u8]>) -> Kernel<'_> {
        match (self, codes) {
            (Self::ToLoad(load), Some(codes)) => Kernel::Loaded(load.kernel(|weights| {
                weights.copy_from_slice(codes);
                map(load.isa, &load.bytes, weights);
            })),
            _ => Kernel::Shared(self.template()),
        }
    }

    /// The same with the weights that another network's layer has been loaded with.
    pub fn loaded_like(&self, other: &MacLayer) -> Kernel<'_> {
        match self {
            Self::ToLoad(load) => Kernel::Loaded(
                load.kernel(|weights| weights.copy_from_slice(&other.spec().weights)),
            ),
            Self::Ready(kernel) => Kernel::Shared(kernel),
        }
    }
}

impl Load {
    /// A kernel with the weights that are written, and the constants that come with them.
    fn kernel(&self, write: impl FnOnce(&mut [u8])) -> LoadedKernel<'_> {
        const VALID: &str = "the template is valid, and constants are bounded";
        let template = self.template.layer().spec();
        let idle = self.idle().pop();
        let mut place = idle.unwrap_or_else(|| {
            let layer = LoadLayer::new(self.isa, template.clone()).expect(VALID);
            Box::new(Place { layer, sums: Vec::new(), buffer: Vec::new() })
        });
        let Place { layer, sums, buffer } = &mut *place;
        sums.resize(template.shape.filters, 0);
        layer
            .load(|mut loaded| {
                write(loaded.weights);
                self.set_constants(template, &mut loaded, sums, buffer);
            })
            .expect(VALID);
        LoadedKernel { load: self, place: Some(place) }
    }

    fn set_constants(
        &self,
        template: &MacSpec,
        loaded: &mut Loaded<'_>,
        sums: &mut [i64],
        buffer: &mut Vec<i32>,
    ) {
        let depth = template.shape.depth();
        // The template has the bias.
        loaded.constant.copy_from_slice(&template.constant);
        if let Some(values) = &self.values {
            values.of(self.isa, loaded.weights, depth, sums, buffer);
            let filters = sums.iter().zip(&template.weight_zero_points);
            for (constant, (&sum, &zero_w)) in loaded.constant.iter_mut().zip(filters) {
                let term = zero_point_term(sum as i32, depth, zero_w, template.input_zero_point);
                *constant = constant.wrapping_add(term);
            }
        }
        let Some(OfWeights { constants, c, mean }) = &self.constants else { return };
        for (c, made) in loaded.c.iter_mut().zip(c) {
            made.of(self.isa, loaded.weights, depth, sums, buffer);
            c.iter_mut().zip(&*sums).for_each(|(c, &sum)| *c = LoadConstants::c_of(sum));
        }
        mean.of(self.isa, loaded.weights, depth, sums, buffer);
        for (filter, (constant, &mean)) in loaded.constant.iter_mut().zip(&*sums).enumerate() {
            let c0 = constants.c0_of(mean, loaded.c.iter().map(|c| c[filter]));
            *constant = constant.wrapping_add(c0);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("nothing panics under the lock")
    }
}
