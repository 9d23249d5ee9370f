//! The stimuli make the units compute what the array computes; energies of whole arrays.

use std::sync::atomic::{AtomicUsize, Ordering};

use recoup_circuits::{Operands, ProductTable};
use recoup_core::control_variate;
use recoup_core::design::Design;
use recoup_core::multiplier::Multiplier;
use recoup_core::numeric::round_half_even_shift;
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::{Stopped, Unwatched, Watch};
use recoup_kernels::WeightCoding;

use super::super::*;
use crate::cells::CellLibrary;
use crate::mapped::MappedNetlist;
use crate::rtl::{
    ArrayRtl, Correction, MultiplierCircuit, Options, RandomSize, Sources, Vectors, random,
};
use crate::simulate::{Circuit, DelayOptions, Delays, EventDriven, Layout};
use crate::synthesis::{SynthesisOptions, synthesize};
use crate::units::ArrayUnits;

/// The library of Debian's package qflow-tech-osu018.
const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

pub(super) fn osu018() -> CellLibrary {
    CellLibrary::read(&[OSU018])
        .unwrap_or_else(|error| panic!("{error}; apt install qflow-tech-osu018"))
}

const ROWS: usize = 4;
pub(super) const CYCLES: usize = 60;
pub(super) const COMPUTING_PE: (Unit, Phase) = (Unit::Pe, Phase::Computing);

/// A design of 4 rows and 3 columns with codes for three tiles.
pub(super) fn design(
    spec: &str,
    scheme: WeightScheme,
    change: impl Fn(&mut Options),
) -> (ArrayRtl, Vectors) {
    let multiplier: Multiplier = spec.parse().unwrap();
    let size = RandomSize { depth: 2 * ROWS + 1, filters: 4, positions: 64, loads: 0, seed: 7 };
    let corrected =
        Design::new(multiplier.clone()).with_control_variate(control_variate::Mode::Fitted(None));
    let (vectors, control) = random(&corrected, scheme, size).unwrap();
    let mut options = Options::new(ROWS, 3, size.depth);
    change(&mut options);
    let circuit = MultiplierCircuit::new(&multiplier, scheme.coding()).unwrap();
    let correction = control.as_ref().map(Correction::new).transpose().unwrap();
    (ArrayRtl::new(circuit, options, correction).unwrap(), vectors)
}

/// The values of an output port, cycle by cycle.
pub(super) fn outputs(
    library: &CellLibrary,
    sources: &Sources,
    port: &str,
    scene: Scene<'_>,
    (unit, phase): (Unit, Phase),
    excerpt: Excerpt,
) -> Vec<u64> {
    let options = SynthesisOptions::new(library);
    let netlist: MappedNetlist =
        synthesize(sources, library, &options, &Unwatched).unwrap().netlist;
    let circuit = Circuit::new(library, &netlist).unwrap();
    let delays = Delays::new(&circuit, &Layout::new(&circuit), &DelayOptions::default());
    let mut simulator = EventDriven::new(&circuit, &delays, 10_000.0);
    let ports = PortBits::new(&netlist);
    let mut stream = UnitStream::new(scene, &ports, unit, excerpt).of_phase(phase);
    let out = netlist.outputs.iter().find(|output| output.name == port).unwrap();
    (0..CYCLES)
        .map(|_| {
            simulator.run(&mut stream, 1);
            let bits = out.nets.iter().enumerate();
            bits.fold(0, |value, (bit, &net)| value | u64::from(simulator.value(net)) << bit)
        })
        .collect()
}

/// A tile's products of a filter, in units of 2^lsb; rows beyond the last product have code 0.
fn products(
    design: &ArrayRtl,
    vectors: &Vectors,
    excerpt: &Excerpt,
    tile: usize,
    position: usize,
) -> Vec<i64> {
    let product = |row: usize| {
        let at = tile * ROWS + row;
        let of = |codes: &[u8], index: usize| {
            if at < vectors.depth { codes[index * vectors.depth + at] } else { 0 }
        };
        let position = position % vectors.positions();
        let (w, a) = (of(&vectors.weights, excerpt.filter), of(&vectors.activations, position));
        i64::from(design.circuit.product(w, a) >> design.circuit.lsb())
    };
    (0..ROWS).map(product).collect()
}

#[test]
fn pes_get_the_sums_of_the_rows_above() {
    let library = osu018();
    let mut compared = 0;
    for (spec, scheme, pipeline, [of_pe, shared]) in [
        ("exact", WeightScheme::U8Channel, false, [1, 1]),
        ("truncated:6", WeightScheme::I8Channel, false, [1, 1]),
        ("perforated:2", WeightScheme::U8Tensor, true, [1, 1]),
        ("truncated:8", WeightScheme::I8Channel, true, [2, 2]),
        ("truncated:8", WeightScheme::U8Channel, false, [2, 4]),
    ] {
        let (design, vectors) = design(spec, scheme, |options| {
            (options.pipeline, options.columns) = (pipeline, 4);
            (options.products_per_pe, options.share_columns) = (of_pe, shared);
        });
        let workload = Workload::of_vectors(&vectors);
        let scene = Scene::new(&design, &workload);
        let excerpt = Excerpt { group: 0, filter: 1, tile: 1, row: 2 / of_pe, start: 5 };
        let sources = Sources::pe(&design);
        let values = outputs(&library, &sources, "psum_out", scene, COMPUTING_PE, excerpt);
        // A code becomes a sum two registers later, three with a pipeline.
        let late = 2 + usize::from(pipeline);
        let bits = design.ranges.psum.bits();
        for (cycle, &value) in values.iter().enumerate().skip(4) {
            for column in 0..shared {
                let excerpt = Excerpt { filter: 1 / shared * shared + column, ..excerpt };
                let position = excerpt.start + cycle - late;
                let all = products(&design, &vectors, &excerpt, excerpt.tile, position);
                let sum: i64 = all[..(excerpt.row + 1) * of_pe].iter().sum();
                let below = design.options.pe_rows() - 1 - excerpt.row;
                let expected = (sum + below as i64 * design.pe_constant()) as u64;
                let mask = (1 << bits) - 1;
                let value = value >> (bits * column) & mask;
                assert_eq!(value, expected & mask, "{spec}, cycle {cycle}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, (3 + 2 + 4) * (CYCLES - 4));
}

/// A "multiplier" with an error at activation 0, so that sums move while weights do; and few gates.
#[test]
fn weights_move_down_tile_after_tile() {
    let library = osu018();
    let products = |w: u8, a: u8| i32::from(w & 3) + i32::from(a & 4);
    let table = ProductTable::from_fn(Operands::Unsigned, products);
    let odd = Multiplier::from_table("odd", &table);
    let circuit = MultiplierCircuit::new(&odd, WeightCoding::Unsigned).unwrap();
    let (_, vectors) = design("exact", WeightScheme::U8Channel, |_| ());
    let options = Options::new(ROWS, 3, vectors.depth);
    let design = ArrayRtl::new(circuit, options, None).unwrap();
    let workload = Workload::of_vectors(&vectors);
    let scene = Scene::new(&design, &workload);
    let excerpt = Excerpt { group: 0, filter: 1, tile: 1, row: 2, start: 5 };
    let sources = Sources::pe(&design);
    let values = |port| {
        let unit = (Unit::Pe, Phase::Loading);
        outputs(&library, &sources, port, scene, unit, excerpt)
    };
    // Three tiles of four rows, the last with one product: the words of the column in their order.
    let words: Vec<u8> = [1, 2, 0]
        .into_iter()
        .flat_map(|tile| (0..ROWS).rev().map(move |row| tile * ROWS + row))
        .map(|product| workload.weight(0, excerpt.filter, product))
        .collect();
    // Word 9 enters the column in the first cycle, and is in the register of row r after r more.
    let word = |cycle: usize| words[(2 * ROWS + 1 + cycle - excerpt.row) % words.len()];
    let (weights, sums) = (values("w_out"), values("psum_out"));
    for cycle in 4..CYCLES {
        assert_eq!(weights[cycle], u64::from(word(cycle)), "cycle {cycle}");
        let expected = (excerpt.row as u64 + 1) * u64::from(word(cycle - 1) & 3);
        assert_eq!(sums[cycle], expected, "cycle {cycle}");
    }
}

#[test]
fn x_line_and_mac_plus_get_the_tiles_before() {
    for [of_pe, shared] in [[1, 1], [2, 2]] {
        x_line_and_mac_plus_of(of_pe, shared);
    }
}

fn x_line_and_mac_plus_of(of_pe: usize, shared: usize) {
    let library = osu018();
    let (design, vectors) = design("truncated:6", WeightScheme::U8Channel, |options| {
        (options.c0_in_mac, options.columns) = (true, 4);
        (options.products_per_pe, options.share_columns) = (of_pe, shared);
    });
    let steps = ROWS / of_pe;
    let workload = Workload::of_vectors(&vectors);
    let scene = Scene::new(&design, &workload);
    let (x, _) = design.term().unwrap();
    let x_of = |position: usize, tiles: usize| -> i64 {
        let position = position % vectors.positions();
        let codes = &vectors.activations[position * vectors.depth..][..vectors.depth];
        let products = vectors.depth.min(tiles * ROWS);
        codes[..products].iter().map(|&code| i64::from(x.value(code))).sum()
    };

    let excerpt = Excerpt { group: 0, filter: 1, tile: 1, row: 0, start: 9 };
    let sources = Sources::x_line(&design).unwrap();
    let values =
        outputs(&library, &sources, "x_out", scene, (Unit::XLine, Phase::Computing), excerpt);
    for (cycle, &value) in values.iter().enumerate().skip(steps + 2) {
        assert_eq!(value as i64, x_of(excerpt.start + cycle - steps - 1, 2), "cycle {cycle}");
    }

    let sources = Sources::mac_plus(&design).unwrap();
    let c_frac = design.correction.as_ref().unwrap().c_frac as u32;
    for tile in [1, 2] {
        let excerpt = Excerpt { tile, ..excerpt };
        let unit = (Unit::MacPlus, Phase::Computing);
        let values = outputs(&library, &sources, "acc_out", scene, unit, excerpt);
        let bits = design.ranges.result.bits();
        let bits_before = bits * (excerpt.filter % shared);
        for (cycle, &value) in values.iter().enumerate().skip(3 + shared) {
            let position = excerpt.start + cycle - 2;
            let value = value >> bits_before & ((1 << bits) - 1);
            let sum: i64 = (0..=tile)
                .flat_map(|tile| products(&design, &vectors, &excerpt, tile, position))
                .sum::<i64>()
                << design.circuit.lsb();
            let v = round_half_even_shift(
                i64::from(vectors.c[excerpt.filter]) * x_of(position, 3),
                c_frac,
            ) + i64::from(vectors.c0[excerpt.filter]);
            let expected = if tile == 2 { sum + v } else { sum };
            assert_eq!(value, expected as u64 & ((1 << bits) - 1), "tile {tile}, cycle {cycle}");
        }
    }
}

#[test]
fn an_array_is_the_sum_of_its_units() {
    let library = osu018();
    let (design, vectors) = design("truncated:6", WeightScheme::U8Channel, |_| ());
    let options = SynthesisOptions::new(&library);
    let units = ArrayUnits::synthesize(design.clone(), &library, &options, &Unwatched).unwrap();
    let models =
        units.models(&library, &DelayOptions::default(), &PowerOptions::default()).unwrap();
    let workload = Workload::of_vectors(&vectors);
    let scenes = [Scene::new(&design, &workload)];
    let mut totals = Vec::new();
    for mode in [Mode::ZeroDelay, Mode::Delays] {
        let options =
            EstimateOptions { relative_error: 0.03, ..EstimateOptions::new(mode, 10_000.0) };
        let samples = AtomicUsize::new(0);
        let count = |more| {
            samples.fetch_add(more, Ordering::Relaxed);
        };
        let result = estimate(&models, &scenes, &options, &count).unwrap();
        assert_eq!(samples.into_inner() as u64, result.samples);
        assert!(result.relative_error <= 0.03);
        let roles: Vec<Role> = result.per_cycle().iter().map(|(role, _)| *role).collect();
        // All but what makes constants.
        assert_eq!(roles, Role::ALL[..6]);
        // 3 tiles of rows times 2 of columns, for each position.
        let layer = &result.layers[0];
        assert_eq!((layer.cycles, layer.macs), (64 * 3 * 2, 64 * 9 * 4));
        assert!((layer.utilisation - 9.0 * 4.0 / (12.0 * 6.0)).abs() < 1e-12);
        let per_cycle: f64 =
            result.per_cycle().iter().map(|(_, energy)| energy.total_fj(10_000.0)).sum();
        let energy = per_cycle * layer.cycles as f64;
        assert!((energy / result.energy_fj() - 1.0).abs() < 1e-9);
        assert!((result.power_uw() - per_cycle / 10.0).abs() < 1e-6 * per_cycle);
        let again = estimate(&models, &scenes, &options, &Unwatched).unwrap();
        assert_eq!(again, result, "the same samples, the same energy");
        totals.push(result.energy_fj());
    }
    assert!(totals[1] > 1.02 * totals[0], "glitches: {totals:?}");
    let options = EstimateOptions::new(Mode::Delays, 10_000.0);
    let stopped = estimate(&models, &scenes, &options, &Impatient(AtomicUsize::new(0)));
    assert_eq!(stopped, Err(Stopped));
}

/// Constants of a table's functions of a byte, which are read-only memories to yosys.
#[test]
fn what_makes_constants_is_part_of_an_array() {
    let library = osu018();
    let multiplier: Multiplier = "perforated:2".parse().unwrap();
    let design = Design::new(multiplier).with_control_variate(control_variate::Mode::Paper);
    let size = RandomSize { depth: ROWS + 1, filters: 4, positions: 64, loads: 1, seed: 7 };
    let (vectors, control) = random(&design, WeightScheme::U8Channel, size).unwrap();
    let circuit = MultiplierCircuit::of_design(&design, None, WeightCoding::Unsigned).unwrap();
    let options = Options { load_constants: true, ..Options::new(ROWS, 3, size.depth) };
    let correction = Correction::new(&control.unwrap()).unwrap();
    let design = ArrayRtl::new(circuit, options, Some(correction)).unwrap();
    let options = SynthesisOptions::new(&library);
    let units = ArrayUnits::synthesize(design.clone(), &library, &options, &Unwatched).unwrap();
    let areas = units.area_parts_um2(&library).unwrap();
    let of = |unit| units.unit(unit).unwrap().netlist.area_um2(&library);
    let load_path = 3.0 * of(Unit::LoadSums) + of(Unit::Constants);
    assert!((areas[&Role::LoadPath] / load_path - 1.0).abs() < 1e-9);
    let models =
        units.models(&library, &DelayOptions::default(), &PowerOptions::default()).unwrap();
    let workload = Workload::of_vectors(&vectors);
    let options =
        EstimateOptions { relative_error: 0.05, ..EstimateOptions::new(Mode::ZeroDelay, 10_000.0) };
    let scenes = [Scene::new(&design, &workload)];
    let result = estimate(&models, &scenes, &options, &Unwatched).unwrap();
    let roles: Vec<Role> = result.per_cycle().iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, Role::ALL);
}

/// Lets three samples pass.
struct Impatient(AtomicUsize);

impl Watch for Impatient {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, samples: usize) {
        assert!(self.0.fetch_add(samples, Ordering::Relaxed) < 3);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 3
    }
}

#[test]
fn idle_units_cost_their_clock() {
    let library = osu018();
    let (design, vectors) = design("exact", WeightScheme::U8Channel, |_| ());
    let mut idle = Workload::of_vectors(&vectors);
    idle.weights.fill(0);
    idle.activations.fill(0);
    let options = SynthesisOptions::new(&library);
    let units = ArrayUnits::synthesize(design.clone(), &library, &options, &Unwatched).unwrap();
    let models =
        units.models(&library, &DelayOptions::default(), &PowerOptions::default()).unwrap();
    assert_eq!(design.circuit.coding(), WeightCoding::Unsigned);
    let scenes = [Scene::new(&design, &idle)];
    let options = EstimateOptions::new(Mode::Delays, 10_000.0);
    let result = estimate(&models, &scenes, &options, &Unwatched).unwrap();
    assert_eq!(result.layers[0].loading_fj, 0.0);
    for (role, energy) in result.per_cycle() {
        let moves = matches!(role, Role::Clock | Role::MacPlus);
        assert_eq!(energy.dynamic_fj() > 0.0, moves, "{role}: {energy:?}");
    }
}

#[test]
fn a_whole_array_needs_what_its_units_need() {
    let library = osu018();
    let multiplier: Multiplier = "exact".parse().unwrap();
    let circuit = MultiplierCircuit::new(&multiplier, WeightCoding::Unsigned).unwrap();
    let design = ArrayRtl::new(circuit, Options::new(ROWS, ROWS, ROWS), None).unwrap();
    let workload = Workload::relu_like(ROWS, ROWS, WeightCoding::Unsigned, 3);
    let options = SynthesisOptions::new(&library);
    let clock_ps = 10_000.0;

    let units = ArrayUnits::synthesize(design.clone(), &library, &options, &Unwatched).unwrap();
    let (delays, power) = (DelayOptions::default(), PowerOptions::default());
    let models = units.models(&library, &delays, &power).unwrap();
    let scenes = [Scene::new(&design, &workload)];
    let composed =
        estimate(&models, &scenes, &EstimateOptions::new(Mode::Delays, clock_ps), &Unwatched)
            .unwrap();

    let sources = Sources::array(&design);
    let netlist = synthesize(&sources, &library, &options, &Unwatched).unwrap().netlist;
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let layout = Layout::new(&circuit);
    let delays = Delays::new(&circuit, &layout, &delays);
    let roles = vec![Role::Multiplier; netlist.instances.len()];
    let model = PowerModel::new(&circuit, &layout, &delays, &roles, &power);
    let mut simulator = EventDriven::new(&circuit, &delays, clock_ps);
    let mut bits = vec![false; circuit.inputs.len()];
    let mut step = |cycle: usize, loads: bool, simulator: &mut EventDriven<'_>| {
        let mut first = 0;
        for port in &netlist.inputs {
            let byte = |lane: usize| match port.name.as_str() {
                "load" => u8::from(loads),
                // Weights move down: those of the last row come first.
                "w_in" if loads => workload.weight(0, lane, ROWS - 1 - cycle % ROWS),
                "w_in" => workload.weight(0, lane, 0),
                "a_in" if loads => 0,
                "a_in" => workload.activation(0, (cycle + ROWS) - lane, lane),
                _ => 0,
            };
            for bit in 0..port.nets.len() {
                bits[first + bit] = byte(bit / 8) >> (bit % 8) & 1 == 1;
            }
            first += port.nets.len();
        }
        simulator.step(&bits);
    };
    for cycle in 0..400 {
        step(cycle, true, &mut simulator);
        if cycle == 3 * ROWS {
            simulator.clear();
        }
    }
    let energies = model.energy(&simulator.take());
    let loading = energies.iter().filter(|(role, _)| *role != Role::Clock);
    let loading_fj: f64 = loading.map(|(_, energy)| energy.dynamic_fj()).sum();
    // One pass of four cycles.
    let composed_fj = composed.layers[0].loading_fj / ROWS as f64;
    let ratio = composed_fj / loading_fj;
    assert!(
        (ratio - 1.0).abs() < 0.05,
        "loading: composed {composed_fj} fJ, whole {loading_fj} fJ"
    );

    for cycle in 0..800 {
        step(cycle, false, &mut simulator);
        if cycle == 3 * ROWS {
            simulator.clear();
        }
    }
    let whole: f64 =
        model.energy(&simulator.take()).iter().map(|(_, energy)| energy.power_uw(clock_ps)).sum();
    let ratio = composed.power_uw() / whole;
    println!("composed {:.1} µW, whole {whole:.1} µW", composed.power_uw());
    assert!((ratio - 1.0).abs() < 0.04, "composed {} µW, whole {whole} µW", composed.power_uw());
}
