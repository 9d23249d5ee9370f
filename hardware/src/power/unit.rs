//! One unit of an array, ready to be simulated.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use crate::cells::CellLibrary;
use crate::mapped::MappedNetlist;
use crate::simulate::{
    Circuit, DelayOptions, Delays, EventDriven, LANES, Layout, SimulateError, ZeroDelay,
};

use super::model::{Energy, PowerModel, PowerOptions};
use super::role::{Role, roles};
use super::streams::{Excerpt, Phase, PortBits, Scene, Unit, UnitStream};

/// Cycles that are counted of each run; fewer where [`LANES`] runs make a sample.
const RUN_CYCLES: u64 = 32;
const RUN_CYCLES_OF_LANE: u64 = 16;

/// How transitions are found; every figure says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Without delays, and so without glitches.
    ZeroDelay,
    /// With the cells' delays; glitches count.
    Delays,
}

impl Mode {
    /// Samples of every layer and unit before their spread is believed.
    pub(super) fn fewest_samples(self) -> u64 {
        match self {
            Self::ZeroDelay => 4,
            Self::Delays => 8,
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ZeroDelay => "zero delay, without glitches",
            Self::Delays => "gate delays, with glitches",
        })
    }
}

/// A unit's circuit, delays and energies.
pub struct UnitModel<'a> {
    /// Which unit it is.
    pub unit: Unit,
    circuit: Circuit<'a>,
    delays: Delays,
    model: PowerModel,
    ports: PortBits,
}

impl<'a> UnitModel<'a> {
    /// Prepares a unit's netlist.
    ///
    /// # Errors
    /// When it cannot be simulated.
    pub fn new(
        unit: Unit,
        netlist: &'a MappedNetlist,
        library: &'a CellLibrary,
        delays: &DelayOptions,
        options: &PowerOptions,
    ) -> Result<Self, SimulateError> {
        let circuit = Circuit::new(library, netlist)?;
        let layout = Layout::new(&circuit);
        let delays = Delays::new(&circuit, &layout, delays);
        let roles = roles(unit, &circuit);
        let model = PowerModel::new(&circuit, &layout, &delays, &roles, options);
        Ok(Self { unit, ports: PortBits::new(netlist), circuit, delays, model })
    }

    /// Number of cells: what a simulated cycle costs.
    pub(super) fn size(&self) -> usize {
        self.circuit.netlist.instances.len()
    }
}

/// A unit with its simulator, whose state goes on from run to run.
pub(super) struct Runner<'a> {
    model: &'a UnitModel<'a>,
    simulator: Simulator<'a>,
}

enum Simulator<'a> {
    ZeroDelay(Box<ZeroDelay<'a>>),
    Delays(Box<EventDriven<'a>>),
}

impl<'a> Runner<'a> {
    pub(super) fn new(model: &'a UnitModel<'a>, mode: Mode, clock_ps: f64) -> Self {
        let circuit = &model.circuit;
        let simulator = match mode {
            Mode::ZeroDelay => Simulator::ZeroDelay(Box::new(ZeroDelay::new(circuit))),
            Mode::Delays => {
                Simulator::Delays(Box::new(EventDriven::new(circuit, &model.delays, clock_ps)))
            }
        };
        Self { model, simulator }
    }

    /// Simulates one run of a phase (without delays, [`LANES`] runs) drawn at random; the mean energy
    /// per cycle by role, and the cycles that were counted.
    pub(super) fn sample(
        &mut self,
        scene: Scene<'_>,
        phase: Phase,
        generator: &mut ChaCha8Rng,
    ) -> (Vec<(Role, Energy)>, u64) {
        let unit = self.model.unit;
        let warm_up = UnitStream::warm_up(scene.design, unit);
        let ports = &self.model.ports;
        let mut stream =
            || UnitStream::new(scene, ports, unit, draw(scene, generator)).of_phase(phase);
        let activity = match &mut self.simulator {
            Simulator::ZeroDelay(simulator) => {
                let mut streams: Vec<_> = (0..LANES).map(|_| stream()).collect();
                simulator.run(&mut streams, warm_up);
                simulator.clear();
                simulator.run(&mut streams, RUN_CYCLES_OF_LANE);
                simulator.take()
            }
            Simulator::Delays(simulator) => {
                let mut stream = stream();
                simulator.run(&mut stream, warm_up);
                simulator.clear();
                simulator.run(&mut stream, RUN_CYCLES);
                simulator.take()
            }
        };
        (self.model.model.energy(&activity), activity.cycles)
    }

    /// Which unit it is.
    pub(super) fn unit(&self) -> Unit {
        self.model.unit
    }

    /// The latest transition after a clock edge so far; `None` without delays.
    pub(super) fn slowest_ps(&self) -> Option<f64> {
        match &self.simulator {
            Simulator::ZeroDelay(_) => None,
            Simulator::Delays(simulator) => Some(simulator.slowest_ps()),
        }
    }
}

/// A run of the layer, all PEs and cycles of it being equally likely: also those in rows and
/// columns that the layer does not fill.
fn draw(scene: Scene<'_>, generator: &mut ChaCha8Rng) -> Excerpt {
    let Scene { design, workload, .. } = scene;
    let (rows, columns) = (design.options.rows, design.options.columns);
    // The bias of the remainder is below 2^-32 of these small numbers.
    let mut below = |limit: usize| (generator.next_u64() % limit as u64) as usize;
    Excerpt {
        group: below(workload.groups),
        filter: below(workload.filters.div_ceil(columns) * columns),
        tile: below(workload.shape().tiles(rows)),
        row: below(design.options.pe_rows()),
        start: below(workload.positions),
    }
}
