//! Array power of configurations, and the energy of an inference on them, from a cost table or
//! measurements.

use recoup::accuracy::Configuration;
use recoup_hardware::costs::{Cost, CostTable, Design, Stimulus};
use recoup_hardware::inference::{Accelerator, ArrayEnergy, Layer, MeasuredArray};

/// The arrays that configurations are compared on.
#[derive(Clone, Debug)]
pub struct Power {
    /// The costs.
    pub table: CostTable,
    /// Name of the cell library in it.
    pub library: String,
    /// Rows and columns of the array.
    pub array: [u32; 2],
    /// Rows and columns of the exact array for the first and the last layer of configurations
    /// that have one.
    pub ends: [u32; 2],
    /// What `recoup power` measured on the network; energies come from it alone if there is any.
    pub measured: Vec<MeasuredArray>,
}

/// What hardware needs for a configuration, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Array power, as a fraction of the exact 8-bit array's.
    pub power: Option<f64>,
    /// Energy of an inference.
    pub energy: Option<Energy>,
}

/// Energy of an inference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// Of the arrays, nJ per image.
    pub energy_nj: f64,
    /// Over that of the exact 8-bit network on one array.
    pub relative: f64,
}

impl Power {
    /// What is known of a configuration whose control variate uses `functions`, on a network of
    /// these layers.
    pub fn figures(
        &self,
        configuration: &Configuration,
        functions: &[String],
        layers: &[Layer],
    ) -> Figures {
        Figures {
            power: self.relative(configuration, functions, layers),
            energy: self.energy(configuration, functions, layers),
        }
    }

    /// Array power of a configuration as a fraction of the exact 8-bit array's; none if the table
    /// does not have the design, as with more than one function. With two arrays it is the energy
    /// per MAC of both, by the layers' shares of the MACs, eq. (P5).
    fn relative(
        &self,
        configuration: &Configuration,
        functions: &[String],
        layers: &[Layer],
    ) -> Option<f64> {
        let design = Design::new(configuration, functions, self.array)?;
        Stimulus::FULL.into_iter().find_map(|stimulus| {
            let find = |design: &Design| self.table.find(&self.library, design, stimulus);
            let main = find(&design)?;
            let per_mac_fj = match configuration.exact_ends {
                false => main.energy_fj,
                true => self.mixed_fj_per_mac(main, find(&self.ends_design(&design))?, layers)?,
            };
            Some(per_mac_fj / find(&design.exact())?.energy_fj)
        })
    }

    /// Energy per MAC of two arrays, each of them full while the other waits.
    fn mixed_fj_per_mac(&self, main: &Cost, ends: &Cost, layers: &[Layer]) -> Option<f64> {
        let macs = |layers: &[Layer]| layers.iter().map(|layer| layer.shape.macs()).sum::<u64>();
        let inner = layers.get(1..layers.len().checked_sub(1)?).unwrap_or_default();
        let share = 1.0 - macs(inner) as f64 / macs(layers) as f64;
        let run = self.table.run(main)?;
        // nW x ps = 1e-6 fJ, in each cycle.
        let leakage_fj =
            |cost: &Cost| Some(1e-6 * run.leakage_nw_per_um2? * cost.area_um2 * run.clock_ps);
        let pes = |cost: &Cost| f64::from(cost.design.rows * cost.design.columns);
        let in_the_middle = main.energy_fj + leakage_fj(ends)? / pes(main);
        let at_the_ends = ends.energy_fj + leakage_fj(main)? / pes(ends);
        Some((1.0 - share) * in_the_middle + share * at_the_ends)
    }

    /// Energy of an inference; none as above, and where measurements lack the configuration or a
    /// layer.
    fn energy(
        &self,
        configuration: &Configuration,
        functions: &[String],
        layers: &[Layer],
    ) -> Option<Energy> {
        let exact = Configuration::exact(8);
        let of = |configuration: &Configuration, functions: &[String]| {
            let accelerator = self.accelerator(configuration, functions)?;
            Some(accelerator.inference(layers)?.total_fj())
        };
        let energy_fj = of(configuration, functions)?;
        Some(Energy { energy_nj: 1e-6 * energy_fj, relative: energy_fj / of(&exact, &[])? })
    }

    fn accelerator(
        &self,
        configuration: &Configuration,
        functions: &[String],
    ) -> Option<Accelerator> {
        let exact = Configuration::exact(8);
        let ends = match configuration.exact_ends {
            false => None,
            true => Some(self.array_energy(&exact, &[], self.ends)?),
        };
        Some(Accelerator { main: self.array_energy(configuration, functions, self.array)?, ends })
    }

    fn array_energy(
        &self,
        configuration: &Configuration,
        functions: &[String],
        [rows, columns]: [u32; 2],
    ) -> Option<ArrayEnergy> {
        if self.measured.is_empty() {
            let design = Design::new(configuration, functions, [rows, columns])?;
            return ArrayEnergy::of_table(&self.table, &self.library, &design);
        }
        let measured = self.measured.iter().find(|array| {
            configuration.activation_bits == 8
                && array.multiplier == configuration.multiplier.to_string()
                && array.control_variate == configuration.control_variate.to_string()
                && [array.rows, array.columns] == [rows as usize, columns as usize]
        });
        measured.map(ArrayEnergy::of_measurement)
    }

    fn ends_design(&self, design: &Design) -> Design {
        let [rows, columns] = self.ends;
        Design { rows, columns, ..design.exact() }
    }
}
