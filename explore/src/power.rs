//! Array power of designs, and the energy of an inference on them, from a cost table or
//! measurements.

use std::borrow::Cow;
use std::sync::OnceLock;

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::design::Design;
use recoup_core::quantize::WeightScheme;
use recoup_hardware::cost_table::{Array, Cost, CostTable, Stimulus};
use recoup_hardware::inference::{
    Accelerator, ArrayEnergy, Beside, Layer, MeasuredArray, with_load_path,
};
use recoup_kernels::WeightCoding;

/// Library of the figures beside accuracies.
pub const LIBRARY: &str = "asap7";
/// Rows and columns of the array of these figures.
pub const SIZE: u32 = 64;
/// Rows and columns of the exact array beside it.
pub const EXACT_SIZE: u32 = 16;

/// The arrays that designs are compared on.
#[derive(Clone, Debug)]
pub struct Power {
    /// The costs.
    pub table: CostTable,
    /// Name of the cell library in it.
    pub library: String,
    /// Rows and columns of the array.
    pub array: [u32; 2],
    /// Rows and columns of the exact array beside it, where the first and the last layer or products
    /// of two activations are exact.
    pub exact_array: [u32; 2],
    /// What `recoup power` measured on the network; powers and energies come from it alone if there
    /// is any.
    pub measured: Vec<MeasuredArray>,
    /// How weights are coded where a design does not say it.
    pub weights: WeightScheme,
}

/// What hardware needs for a design, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Array power, as a fraction of the exact 8-bit array's.
    pub power: Option<f64>,
    /// Energy of an inference.
    pub energy: Option<Energy>,
    /// Whether power and energy include what makes constants of loaded codes; none where the array
    /// makes none, or they come from measurements.
    pub load_path: Option<bool>,
}

/// Energy of an inference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// Of the arrays, nJ per image.
    pub energy_nj: f64,
    /// Over that of the exact 8-bit network on one array.
    pub relative: f64,
}

impl Default for Power {
    /// The arrays of the cost table that comes with this library.
    fn default() -> Self {
        Self {
            table: shipped_costs().clone(),
            library: LIBRARY.to_owned(),
            array: [SIZE; 2],
            exact_array: [EXACT_SIZE; 2],
            measured: Vec::new(),
            weights: WeightScheme::U8Channel,
        }
    }
}

/// The cost table that comes with this library.
pub fn shipped_costs() -> &'static CostTable {
    static TABLE: OnceLock<CostTable> = OnceLock::new();
    TABLE.get_or_init(CostTable::shipped)
}

impl Power {
    /// What is known of a design that is ready to run.
    pub fn figures_of(&self, candidate: &EmulatedDesign) -> Figures {
        let quantized = &candidate.prepared.quantized;
        let design = candidate.design.clone().with_weights(Some(quantized.weights));
        let functions = candidate.control.iter().flat_map(|control| &control.functions);
        let functions: Vec<String> = functions.map(|x| x.function.to_string()).collect();
        self.figures(&design, &functions, &Layer::of_graph(&quantized.graph))
    }

    /// What is known of a design whose control variate uses `functions`, on a network of
    /// these layers.
    pub fn figures(&self, design: &Design, functions: &[String], layers: &[Layer]) -> Figures {
        let energy = self.energy(design, functions, layers);
        let power = match self.measured.is_empty() {
            true => self.relative(design, functions, layers),
            // Eq. (P6).
            false => energy.map(|energy| energy.relative),
        };
        let load_path = self.has_load_path(design, functions, layers);
        Figures { power, energy, load_path }
    }

    /// Whether the measurements, if there are any, lack an array of a design on these layers.
    pub fn is_unmeasured(&self, design: &Design, layers: &[Layer]) -> bool {
        !self.measured.is_empty() && self.accelerator(design, &[], layers).is_none()
    }

    /// Whether a design takes an exact array beside its own. Exact products of two activations need
    /// none where the array of all is exact at 8 bits itself.
    pub fn has_array_beside(design: &Design, layers: &[Layer]) -> bool {
        let is_exact =
            design.multiplier.is_exact() && (design.activation_bits, design.weight_bits) == (8, 8);
        design.exact_ends || (!is_exact && layers.iter().any(|layer| layer.exact))
    }

    /// Whether a design makes constants of what some layer of the main array is loaded with.
    fn makes_constants(design: &Design, layers: &[Layer]) -> bool {
        let is_beside = Beside::runs(layers, design.exact_ends);
        let mut main = layers.iter().zip(is_beside).filter(|(_, is_beside)| !is_beside);
        let how = design.control_options.attention;
        how.are_made_when_loaded(design.control_variate)
            && main.any(|(layer, _)| layer.loaded_operand.is_some())
    }

    /// Whether figures by the table leave out what makes constants of loaded codes, although the array
    /// needs it: because the table does not have it, or because the constants are of a kind that it is
    /// not measured for, C0 alone or those without data.
    pub fn lacks_load_path(&self, design: &Design, layers: &[Layer]) -> bool {
        if !self.measured.is_empty() || !Self::makes_constants(design, layers) {
            return false;
        }
        let Some(array) = self.array_of(design, &[], self.array) else { return false };
        let mut rows = self.table.with_any_control(&self.library, &array).peekable();
        let how = design.control_options.attention;
        rows.peek().is_some()
            && !(how.are_c_and_c0(design.control_variate) && rows.any(|it| it.load_path.is_some()))
    }

    /// The row of a design's array: with what makes constants of what these layers are loaded with,
    /// where it makes any and the table has its costs.
    fn equipped<'a>(&self, cost: &'a Cost, design: &Design, layers: &[Layer]) -> Cow<'a, Cost> {
        let how = design.control_options.attention;
        let is_needed =
            how.are_c_and_c0(design.control_variate) && Self::makes_constants(design, layers);
        let equipped = is_needed.then(|| with_load_path(cost)).flatten();
        equipped.map_or(Cow::Borrowed(cost), Cow::Owned)
    }

    fn has_load_path(
        &self,
        design: &Design,
        functions: &[String],
        layers: &[Layer],
    ) -> Option<bool> {
        if !self.measured.is_empty() || !Self::makes_constants(design, layers) {
            return None;
        }
        let array = self.array_of(design, functions, self.array)?;
        let cost = self.table.full(&self.library, &array)?;
        Some(matches!(self.equipped(cost, design, layers), Cow::Owned(_)))
    }

    /// The coding of the weights of a design.
    fn weights(&self, design: &Design) -> WeightScheme {
        design.weights.unwrap_or(self.weights)
    }

    /// The row of a design's array in the table, whose arrays multiply unsigned codes.
    fn array_of(&self, design: &Design, functions: &[String], array: [u32; 2]) -> Option<Array> {
        let is_unsigned = self.weights(design).coding() == WeightCoding::Unsigned;
        let structure = self.table.structure(&self.library);
        is_unsigned.then(|| Array::new(design, functions, array, structure))?
    }

    /// Array power of a design, by the table, as a fraction of the exact 8-bit array's; none
    /// if the table does not have the design, as with more than one function. With two arrays it is
    /// the energy per MAC of both, by the layers' shares of the MACs, eq. (P5).
    fn relative(&self, design: &Design, functions: &[String], layers: &[Layer]) -> Option<f64> {
        let array = self.array_of(design, functions, self.array)?;
        Stimulus::FULL.into_iter().find_map(|stimulus| {
            let find = |array: &Array| self.table.find(&self.library, array, stimulus);
            let main = self.equipped(find(&array)?, design, layers);
            let per_mac_fj = match Self::has_array_beside(design, layers) {
                false => main.energy_fj,
                true => {
                    let beside = find(&self.array_beside(&array))?;
                    let is_beside = Beside::runs(layers, design.exact_ends);
                    self.mixed_fj_per_mac(&main, beside, layers, is_beside)?
                }
            };
            Some(per_mac_fj / find(&array.exact())?.energy_fj)
        })
    }

    /// Energy per MAC of two arrays, each of them full while the other waits.
    fn mixed_fj_per_mac(
        &self,
        main: &Cost,
        beside: &Cost,
        layers: &[Layer],
        is_beside: impl Iterator<Item = bool>,
    ) -> Option<f64> {
        let all: u64 = layers.iter().map(|layer| layer.shape.macs()).sum();
        let there = layers.iter().zip(is_beside).filter(|(_, is_beside)| *is_beside);
        let there: u64 = there.map(|(layer, _)| layer.shape.macs()).sum();
        let share = there as f64 / all as f64;
        let run = self.table.run(main)?;
        // nW x ps = 1e-6 fJ, in each cycle.
        let leakage_fj =
            |cost: &Cost| Some(1e-6 * run.leakage_nw_per_um2? * cost.area_um2 * run.clock_ps);
        let pes = |cost: &Cost| f64::from(cost.design.rows * cost.design.columns);
        let on_main = main.energy_fj + leakage_fj(beside)? / pes(main);
        let on_beside = beside.energy_fj + leakage_fj(main)? / pes(beside);
        Some((1.0 - share) * on_main + share * on_beside)
    }

    /// Energy of an inference; none as above, and where measurements lack the design or a layer.
    fn energy(&self, design: &Design, functions: &[String], layers: &[Layer]) -> Option<Energy> {
        let of = |design: &Design, functions: &[String], layers: &[Layer]| {
            let accelerator = self.accelerator(design, functions, layers)?;
            Some(accelerator.inference(layers)?.total_fj())
        };
        let energy_fj = of(design, functions, layers)?;
        // All exact arrays of the table are the same one, of unsigned codes.
        let weights = self.measured.is_empty().then(|| self.weights(design));
        let exact = of(&Design::exact(8).with_weights(weights), &[], &Layer::loading(layers, &[]))?;
        Some(Energy { energy_nj: 1e-6 * energy_fj, relative: energy_fj / exact })
    }

    fn accelerator(
        &self,
        design: &Design,
        functions: &[String],
        layers: &[Layer],
    ) -> Option<Accelerator> {
        let exact = Design::exact(8).with_weights(design.weights);
        let beside = match Self::has_array_beside(design, layers) {
            false => None,
            true => Some(Beside {
                array: self.array_energy(&exact, &[], self.exact_array, layers)?,
                ends: design.exact_ends,
            }),
        };
        let main = self.array_energy(design, functions, self.array, layers)?;
        Some(Accelerator { main, beside })
    }

    fn array_energy(
        &self,
        design: &Design,
        functions: &[String],
        array: [u32; 2],
        layers: &[Layer],
    ) -> Option<ArrayEnergy> {
        if self.measured.is_empty() {
            let array = self.array_of(design, functions, array)?;
            let cost = self.table.full(&self.library, &array)?;
            let run = self.table.run(cost)?;
            return ArrayEnergy::of_cost(run, &self.equipped(cost, design, layers));
        }
        let weights = self.weights(design);
        design.multiplier.check_coding(weights.coding()).ok()?;
        let identity = design.record(weights.coding()).of_array().identity(weights);
        let size = array.map(|size| size as usize);
        let measured = self.measured.iter().find(|it| it.size() == size && it.identity == identity);
        measured.map(ArrayEnergy::of_measurement)
    }

    fn array_beside(&self, array: &Array) -> Array {
        let [rows, columns] = self.exact_array;
        Array { rows, columns, ..array.exact() }
    }
}

#[cfg(test)]
mod tests {
    use recoup_circuits::{Operands, ProductTable};
    use recoup_core::control_variate::{AttentionConstants, ControlOptions, Mode};
    use recoup_core::model::LoadedOperand;
    use recoup_core::multiplier::{Multiplier, truncated};
    use recoup_hardware::cost_table::Structure;
    use recoup_hardware::inference::{LayerShape, MeasuredLayer};

    use super::*;

    /// The middle layer's weights are activations.
    #[test]
    fn what_makes_constants_counts_where_there_are_any() {
        let functions = ["popcount".to_owned()];
        let mut power = Power::default();
        let design = Design::new(truncated(8));
        let row = |power: &Power, design: &Design| {
            let array = Array::new(design, &functions, [64; 2], Structure::CHOSEN).unwrap();
            power.table.full(LIBRARY, &array).unwrap().clone()
        };
        let (plain, exact) = (row(&power, &design), power.table.costs[0].design.exact());
        let exact = power.table.full(LIBRARY, &Array { rows: 64, columns: 64, ..exact }).unwrap();
        let (exact_fj, load_path) = (exact.energy_fj, plain.load_path.unwrap());
        let mut attention = layers();
        attention[1].loaded_operand = Some(LoadedOperand::Second);
        let weights = power.figures(&design, &functions, &layers());
        assert_eq!(weights.power, Some(plain.energy_fj / exact_fj));
        assert_eq!(weights.load_path, None);
        let loaded = power.figures(&design, &functions, &attention);
        assert_eq!(loaded.power, Some((plain.energy_fj + load_path.energy_fj) / exact_fj));
        assert_eq!(loaded.load_path, Some(true));
        // Each layer is one pass: 21 cycles with positions, 3 x 46 without, in which its clock runs; 16
        // cycles load 16 rows of PEs, a word for each of the 4 x 4 products that are used.
        let clock_fj = 4096.0 * load_path.energy_fj * (21.0 + 3.0 * 46.0);
        let expected = 1e-6 * (clock_fj + 16.0 * 16.0 * load_path.loading_fj);
        let more = |figures: Figures| {
            figures.energy.unwrap().energy_nj - weights.energy.unwrap().energy_nj
        };
        assert!((more(loaded) - expected).abs() < 1e-9, "{} {expected}", more(loaded));
        assert!(!power.lacks_load_path(&design, &attention));
        // Nowhere else: exact products, another array's, constants of another kind, and no V.
        let with = |attention| {
            let options = ControlOptions { attention, ..ControlOptions::default() };
            design.clone().with_control_options(options)
        };
        let mut beside = attention.clone();
        beside[1].exact = true;
        for (design, layers) in [
            (design.clone(), &beside),
            (with(AttentionConstants::Layer), &attention),
            (with(AttentionConstants::None), &attention),
            (design.clone().with_control_variate(Mode::None), &attention),
            (Design::exact(8), &attention),
        ] {
            let found = power.figures(&design, &[], layers);
            assert_eq!(found.load_path, None, "{design}");
            assert!(!power.lacks_load_path(&design, layers), "{design}");
        }
        // C0 alone takes another load path, of which the table has nothing.
        let constant = with(AttentionConstants::Constant);
        let found = power.figures(&constant, &functions, &attention);
        assert_eq!((found.power, found.load_path), (weights.power, Some(false)));
        assert!(power.lacks_load_path(&constant, &attention));
        // As has a table from before it was measured.
        power.table.costs.iter_mut().for_each(|cost| cost.load_path = None);
        let found = power.figures(&design, &functions, &attention);
        assert_eq!((found.power, found.load_path), (weights.power, Some(false)));
        assert!(power.lacks_load_path(&design, &attention));
    }

    /// An array whose layers take `energies_fj`; its clock 10 fJ per cycle, its leakage 2 nW.
    fn measured(
        multiplier: &Multiplier,
        activation_bits: u32,
        size: usize,
        fj: [f64; 3],
    ) -> MeasuredArray {
        let layers = layers().into_iter().zip(fj).map(|(layer, energy_fj)| MeasuredLayer {
            macs: layer.shape.macs(),
            cycles: layer.shape.cycles(size, size),
            name: layer.name,
            energy_fj,
            loading_fj: 0.0,
        });
        MeasuredArray {
            identity: Design::new(multiplier.clone())
                .with_control_variate(Mode::None)
                .with_activation_bits(activation_bits)
                .record(WeightCoding::Unsigned)
                .of_array()
                .identity(WeightScheme::U8Channel),
            rows: size,
            columns: size,
            structure: Default::default(),
            clock_ps: 1e6,
            clock_fj: 10.0,
            leakage_nw: 2.0,
            layers: layers.collect(),
        }
    }

    fn layers() -> Vec<Layer> {
        let layer = |name: &str, depth, filters, positions| Layer {
            name: name.to_owned(),
            shape: LayerShape { depth, groups: 1, filters, positions },
            exact: false,
            loaded_operand: None,
        };
        vec![layer("first", 2, 2, 10), layer("middle", 4, 4, 10), layer("last", 2, 4, 1)]
    }

    /// Arrays of 4 x 4, and of 2 x 2 for the ends, with these measurements.
    fn on_small_arrays(measured: Vec<MeasuredArray>) -> Power {
        Power {
            table: CostTable::shipped(),
            library: "asap7".to_owned(),
            array: [4, 4],
            exact_array: [2, 2],
            measured,
            weights: WeightScheme::U8Channel,
        }
    }

    #[test]
    fn measured_power_by_hand() {
        let power = on_small_arrays(vec![
            measured(&Multiplier::exact(), 8, 4, [700.0, 1500.0, 500.0]),
            measured(&Multiplier::exact(), 6, 4, [600.0, 1000.0, 500.0]),
            measured(&truncated(8), 8, 4, [300.0, 600.0, 300.0]),
            measured(&Multiplier::exact(), 8, 2, [400.0, 9000.0, 270.0]),
        ]);
        let of = |design: &Design| power.figures(design, &[], &layers()).power;
        // Each layer is one pass of 2 x 4 + 4 - 2 cycles of clock: 3 x 10 x 10 fJ, 3000 in all.
        assert_eq!(of(&Design::exact(8)), Some(1.0));
        assert_eq!(of(&Design::exact(6)), Some((2100.0 + 300.0) / 3000.0));
        let mut truncated = Design::new(truncated(8)).with_control_variate(Mode::None);
        assert_eq!(of(&truncated), Some((1200.0 + 300.0) / 3000.0));
        assert!(power.is_unmeasured(&Design::exact(7), &layers()));
        assert!(!power.is_unmeasured(&truncated, &layers()));
        let signed = truncated.clone().with_weights(Some(WeightScheme::I8Channel));
        assert!(power.is_unmeasured(&signed, &layers()));
        // The ends on 2 x 2: a pass and two, of 2 x 2 + 2 - 2 cycles to load and drain, 120 fJ of
        // clock. 2 nW leak 2 fJ in a cycle of 1 ns x 1000: for 14 + 10 cycles there, 20 here.
        truncated.exact_ends = true;
        let ends = 400.0 + 270.0 + 3.0 * 4.0 * 10.0;
        let waiting = 2.0 * (14.0 + 10.0 + 20.0);
        let found = of(&truncated).unwrap();
        let expected = (600.0 + 100.0 + ends + waiting) / 3000.0;
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        // The middle alone there, as products of two activations may be: 4 passes of 4 cycles.
        truncated.exact_ends = false;
        let mut exact_middle = layers();
        exact_middle[1].exact = true;
        let of = |design: &Design| power.figures(design, &[], &exact_middle).power;
        let beside = 9000.0 + 4.0 * 4.0 * 10.0;
        let waiting = 2.0 * ((40.0 + 16.0) + (10.0 + 10.0) + (1.0 + 10.0));
        let expected = (600.0 + 200.0 + beside + waiting) / 3000.0;
        let found = of(&truncated).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        // An array that is exact itself needs none beside it.
        assert_eq!(of(&Design::exact(8)), Some(1.0));
        truncated.exact_ends = true;
        // Where nothing is measured, the table decides: it has no array of this size.
        let table = Power { measured: Vec::new(), ..power };
        assert_eq!(table.figures(&truncated, &[], &layers()), Figures::default());
    }

    /// Circuits in a/mul.v and b/mul.v.
    #[test]
    fn a_measurement_is_of_a_circuit_not_of_its_name() {
        let circuit = |name: &str, low: u8| {
            let products =
                |w: u8, a: u8| Operands::Unsigned.product(w, a) - i32::from(w % low * (a % low));
            Multiplier::from_table(name, &ProductTable::from_fn(Operands::Unsigned, products))
        };
        let (mul, other, renamed) = (circuit("mul", 3), circuit("mul", 5), circuit("mul2", 3));
        let power = on_small_arrays(vec![
            measured(&Multiplier::exact(), 8, 4, [700.0, 1500.0, 500.0]),
            measured(&mul, 8, 4, [300.0, 600.0, 300.0]),
        ]);
        let of = |multiplier: &Multiplier| {
            let design = Design::new(multiplier.clone()).with_control_variate(Mode::None);
            power.figures(&design, &[], &layers()).power
        };
        assert_eq!(of(&mul), Some((1200.0 + 300.0) / 3000.0));
        assert_eq!((of(&renamed), of(&other), of(&circuit("exact", 5))), (of(&mul), None, None));
        assert_eq!(of(&circuit("mul", 1)), Some(1.0), "exact products");
    }

    #[test]
    fn the_table_knows_unsigned_codes_alone() {
        let power = Power {
            table: CostTable::shipped(),
            library: "asap7".to_owned(),
            array: [64, 64],
            exact_array: [16, 16],
            measured: Vec::new(),
            weights: WeightScheme::I8Channel,
        };
        let of = |weights| power.figures(&Design::exact(6).with_weights(weights), &[], &layers());
        assert_eq!(of(None), Figures::default());
        let unsigned = of(Some(WeightScheme::U8Tensor));
        assert!(unsigned.power.unwrap() < 1.0 && unsigned.energy.unwrap().relative < 1.0);
        assert_eq!(of(Some(WeightScheme::U8Channel)), unsigned);
    }
}
