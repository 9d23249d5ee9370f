//! Energies by hand, against units that are simulated, and against the table's own network.

use std::collections::BTreeMap;
use std::path::Path;

use recoup_core::design::Design;
use recoup_core::model::{self, LoadedOperand, OnnxFile};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::Unwatched;
use recoup_kernels::WeightCoding;

use super::*;
use crate::cells::CellLibrary;
use crate::cost_table::{
    Array, Cost, CostRun, CostTable, Library, LoadPathCost, Stimulus, Structure,
};
use crate::power::{EstimateOptions, Mode, PowerOptions, Scene, Workload, estimate};
use crate::rtl::ClockGating;
use crate::rtl::{self, MultiplierCircuit};
use crate::simulate::DelayOptions;
use crate::synthesis::SynthesisOptions;
use crate::units::ArrayUnits;

const LIBRARY: &str = "made up";

fn run(clock_ps: f64) -> CostRun {
    CostRun {
        id: LIBRARY.to_owned(),
        library: Library { name: LIBRARY.to_owned(), files: BTreeMap::new() },
        clock_ps,
        wire_ff_per_sink: 0.25,
        leakage_nw_per_um2: Some(2.0),
        command: "none".to_owned(),
        date: "2026-11-24".to_owned(),
        tools: BTreeMap::new(),
    }
}

fn design(multiplier: &str, size: u32) -> Array {
    Array {
        multiplier: multiplier.parse().unwrap(),
        activation_bits: 8,
        weight_bits: 8,
        control: None,
        rows: size,
        columns: size,
        structure: Structure::default(),
    }
}

/// A row with these parts: multiplier, adder, registers, clock and MAC+, fJ per MAC.
fn cost(design: Array, parts_fj: [f64; 5], area_um2: f64) -> Cost {
    let roles = ["multiplier", "adder", "registers", "clock", "MAC+"].map(str::to_owned);
    Cost {
        run: LIBRARY.to_owned(),
        design,
        stimulus: Stimulus::ReluLike,
        extrapolated: true,
        pe_area_um2: 1.0,
        pe_delay_ps: 1.0,
        area_um2,
        area_parts_um2: BTreeMap::new(),
        energy_fj: parts_fj.iter().sum(),
        energy_standard_error_fj: 0.0,
        parts_fj: roles.into_iter().zip(parts_fj).collect(),
        loading_fj: None,
        load_path: None,
    }
}

fn layer(name: &str, depth: usize, filters: usize, positions: usize) -> Layer {
    let shape = LayerShape { depth, groups: 1, filters, positions };
    Layer { name: name.to_owned(), shape, exact: false, loaded_operand: None }
}

fn table() -> CostTable {
    let rows = vec![
        cost(design("truncated:8", 4), [4.0, 8.0, 2.0, 3.0, 1.0], 500.0),
        cost(design("exact", 2), [8.0, 16.0, 4.0, 6.0, 2.0], 250.0),
    ];
    CostTable::new(vec![run(1000.0)], rows)
}

fn array(multiplier: &str, size: u32) -> ArrayEnergy {
    ArrayEnergy::of_table(&table(), LIBRARY, &design(multiplier, size)).unwrap()
}

#[test]
fn a_layer_by_hand() {
    // 6 products and 2 filters on 4 x 4: two row tiles of which 3/4 are used, half the columns.
    let energy = array("truncated:8", 4).layer(&layer("a", 6, 2, 10)).unwrap();
    let per_pe = 4.0 * 0.75 * 0.5 + (8.0 + 2.0) * 0.5 * 0.875 + 3.0 + 1.0 * 0.75;
    assert_eq!(energy.cycles, 20);
    assert!((energy.computing_fj - 20.0 * 16.0 * per_pe).abs() < 1e-9, "{energy:?}");
    // Two passes of 4 cycles to load and 4 + 4 - 2 and 4 again to fill and drain.
    assert_eq!(energy.overhead_cycles, 2 * 10);
    assert_eq!(energy.overhead_fj, 20.0 * 16.0 * 3.0);
    // Two times 4 cycles of loading, in which 3/4 of the words and half of the columns move.
    let mut table = table();
    table.costs[0].loading_fj = Some(0.5);
    let loading = ArrayEnergy::of_table(&table, LIBRARY, &design("truncated:8", 4)).unwrap();
    let loading = loading.layer(&layer("a", 6, 2, 10)).unwrap();
    assert_eq!(loading.overhead_fj - energy.overhead_fj, 2.0 * 4.0 * 16.0 * 0.5 * 0.75 * 0.5);
    // With a load path its clock runs in all 20 + 20 cycles; it adds up words of activations alone.
    let load_path = LoadPathCost { area_um2: 50.0, energy_fj: 0.25, loading_fj: 0.125 };
    table.costs[0].load_path = Some(load_path);
    let equipped = with_load_path(&table.costs[0]).unwrap();
    let equipped = ArrayEnergy::of_cost(&table.runs[0], &equipped).unwrap();
    let of_weights = equipped.layer(&layer("a", 6, 2, 10)).unwrap();
    let clock = (20.0 + 20.0) * 16.0 * 0.25;
    assert_eq!(of_weights.total_fj(), loading.total_fj() + clock);
    let loaded = Layer { loaded_operand: Some(LoadedOperand::Second), ..layer("a", 6, 2, 10) };
    let adding = 2.0 * 4.0 * 16.0 * 0.125 * 0.75 * 0.5;
    assert_eq!(equipped.layer(&loaded).unwrap().total_fj(), of_weights.total_fj() + adding);
    // 2 nW/µm² of 550 µm² for 1 ns.
    assert!((equipped.leakage_fj(1.0, 1000.0).unwrap() - 1.1).abs() < 1e-12);
    // An array without it has none of that, whatever its row knows.
    let plain = ArrayEnergy::of_table(&table, LIBRARY, &design("truncated:8", 4)).unwrap();
    assert_eq!(plain.layer(&loaded), Some(loading));
    // With 2 x 2 rows and groups, and idle PEs that stand still: two passes of 2 cycles to load, and
    // of 2 + 2 - 2 and 2 again.
    let structure =
        Structure { products_per_pe: 2, share_columns: 2, clock_gating: ClockGating::Idle };
    table.costs[0].design.structure = structure;
    let built = Array { structure, ..design("truncated:8", 4) };
    let built = ArrayEnergy::of_table(&table, LIBRARY, &built).unwrap();
    let gated = built.layer(&layer("a", 6, 2, 10)).unwrap();
    let per_pe = (4.0 + 8.0 + 2.0 + 3.0) * 0.75 * 0.5 + 1.0 * 0.75;
    assert!((gated.computing_fj - 20.0 * 16.0 * per_pe).abs() < 1e-9, "{gated:?}");
    assert_eq!(gated.overhead_cycles, 2 * 4);
    let loading = 2.0 * 2.0 * 16.0 * 0.5 * 0.75 * 0.5;
    assert_eq!(gated.overhead_fj, 8.0 * 16.0 * 3.0 + loading);
    // A layer that fills the array costs what the table says.
    let full = array("truncated:8", 4).layer(&layer("a", 8, 8, 10)).unwrap();
    assert_eq!(full.computing_fj, 18.0 * 8.0 * 8.0 * 10.0);
}

#[test]
fn a_load_path_adds_to_area_and_energy() {
    let mut cost = cost(design("truncated:8", 4), [4.0, 8.0, 2.0, 3.0, 1.0], 500.0);
    assert_eq!(with_load_path(&cost), None);
    let load_path = LoadPathCost { area_um2: 50.0, energy_fj: 2.0, loading_fj: 0.5 };
    cost.load_path = Some(load_path);
    cost.area_parts_um2.insert("adder".to_owned(), 500.0);
    let all = with_load_path(&cost).expect("it was measured");
    assert_eq!((all.area_um2, all.energy_fj), (550.0, 20.0));
    assert_eq!((all.area_parts_um2["load path"], all.parts_fj["load path"]), (50.0, 2.0));
    assert_eq!((all.parts_fj["multiplier"], all.load_path), (4.0, Some(load_path)));
}

#[test]
fn two_arrays_by_hand() {
    let layers = [layer("first", 2, 2, 10), layer("middle", 4, 4, 10), layer("last", 2, 4, 1)];
    let (main, ends) = (array("truncated:8", 4), array("exact", 2));
    let accelerator = Accelerator {
        main: main.clone(),
        beside: Some(Beside { array: ends.clone(), ends: true }),
    };
    let energy = accelerator.inference(&layers).unwrap();
    // Exact, 36 fJ per MAC, and 4 cycles of 4 PEs' clocks per pass.
    let first = 36.0 * 40.0 + 4.0 * 4.0 * 6.0;
    let middle = 18.0 * 160.0 + 10.0 * 16.0 * 3.0;
    let last = 36.0 * 8.0 + 2.0 * 4.0 * 4.0 * 6.0;
    let expected = [first, middle, last];
    for (energy, expected) in energy.layers.iter().zip(expected) {
        assert!((energy.total_fj() - expected).abs() < 1e-9, "{energy:?}, {expected}");
    }
    // While the ends run, 14 and 2 + 8 cycles of 1 ns, the 500 µm² of the other leak 1000 nW, 1 fJ
    // per ns; while the middle runs, 10 + 10 cycles, the 250 µm² leak 500 nW.
    let waiting = 1e-3 * (24.0 * 1000.0 + 20.0 * 500.0);
    assert!((energy.waiting_fj - waiting).abs() < 1e-9, "{} {waiting}", energy.waiting_fj);
    assert!((energy.total_fj() - expected.iter().sum::<f64>() - waiting).abs() < 1e-9);
    let alone = Accelerator { main, beside: None }.inference(&layers).unwrap();
    assert_eq!((alone.waiting_fj, alone.layers[1]), (0.0, energy.layers[1]));
}

#[test]
fn without_parts_nothing_is_known() {
    let mut table = table();
    table.costs[0].parts_fj.remove("clock");
    let none = ArrayEnergy::of_table(&table, LIBRARY, &design("truncated:8", 4));
    assert_eq!(none, None);
    let mut table = self::table();
    table.runs[0].leakage_nw_per_um2 = None;
    let array = |multiplier, size| {
        ArrayEnergy::of_table(&table, LIBRARY, &design(multiplier, size)).unwrap()
    };
    let beside = Some(Beside { array: array("exact", 2), ends: true });
    let mixed = Accelerator { main: array("truncated:8", 4), beside };
    assert_eq!(mixed.inference(&[layer("a", 4, 4, 4), layer("b", 4, 4, 4)]), None);
}

#[test]
fn measured_layers_count_as_they_are() {
    let text = r#"{"library": "l", "rows": 4, "columns": 4, "clock_ps": 500.0, "results": [{
        "multiplier": "exact", "products_sha256": "0a1b", "control_variate": "none",
        "units": [{"unit": "clock", "energy_fj_per_cycle": 30.0, "leakage_nw": 0.0},
                  {"unit": "adder", "energy_fj_per_cycle": 90.0, "leakage_nw": 7.0}],
        "layers": [{"layer": "a", "macs": 144, "cycles": 9, "energy_fj": 1234.5}]}]}"#;
    let measured = Measurements::parse("p.json", text).unwrap();
    let design = Design::exact(8).record_with("0a1b".to_owned());
    let identity = design.identity(WeightScheme::U8Channel);
    assert_eq!((&measured.model_sha256, &measured.arrays[0].identity), (&None, &identity));
    let array = ArrayEnergy::of_measurement(&measured.arrays[0]);
    let energy = array.layer(&layer("a", 4, 4, 9)).unwrap();
    assert_eq!((energy.computing_fj, energy.overhead_fj), (1234.5, 10.0 * 30.0));
    assert_eq!(array.layer(&layer("b", 4, 4, 9)), None);
    // Files from before loading was measured do not have it.
    let loads = text.replace("\"energy_fj\": 1234.5", "\"energy_fj\": 1234.5, \"loading_fj\": 7.5");
    let measured = Measurements::parse("p.json", &loads).unwrap();
    let loaded =
        ArrayEnergy::of_measurement(&measured.arrays[0]).layer(&layer("a", 4, 4, 9)).unwrap();
    assert_eq!(loaded.overhead_fj, energy.overhead_fj + 7.5);
    let error = Measurements::parse("p.json", "[]").unwrap_err().to_string();
    assert!(error.starts_with("p.json: holds no measured energies of layers: "), "{error}");
    // A name does not say which circuit it was.
    let nameless = text.replace("\"products_sha256\": \"0a1b\", ", "");
    let error = Measurements::parse("p.json", &nameless).unwrap_err().to_string();
    assert!(error.contains("missing field `products_sha256`"), "{error}");
}

/// The model of idle rows and columns, from an array that is full, against the simulation of
/// layers with codes of the same kind that leave much of it idle.
#[test]
fn idle_rows_and_columns_as_simulated() {
    const SIZE: usize = 8;
    const CLOCK_PS: f64 = 20_000.0;
    const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";
    let library = CellLibrary::read(&[OSU018])
        .unwrap_or_else(|error| panic!("{error}; apt install qflow-tech-osu018"));
    let circuit = MultiplierCircuit::new(&Multiplier::exact(), WeightCoding::Unsigned).unwrap();
    let design = rtl::ArrayRtl::new(circuit, rtl::Options::new(SIZE, SIZE, 64), None).unwrap();
    let options = SynthesisOptions::new(&library);
    let units = ArrayUnits::synthesize(design, &library, &options, &Unwatched).unwrap();
    let models =
        units.models(&library, &DelayOptions::default(), &PowerOptions::default()).unwrap();
    let simulate = |workload: &Workload| {
        let scenes = [Scene::new(&units.design, workload)];
        let options = EstimateOptions {
            relative_error: 0.01,
            ..EstimateOptions::new(Mode::ZeroDelay, CLOCK_PS)
        };
        estimate(&models, &scenes, &options, &Unwatched).unwrap()
    };
    let full = simulate(&Workload::relu_like(64, SIZE, WeightCoding::Unsigned, 1));
    let per_mac = |name: &str| {
        let parts = full.per_cycle();
        let (_, energy) = parts.iter().find(|(role, _)| role.to_string() == name).unwrap();
        energy.total_fj(CLOCK_PS) / (SIZE * SIZE) as f64
    };
    let parts = ["multiplier", "adder", "registers", "clock", "MAC+"].map(per_mac);
    let exact = self::design("exact", SIZE as u32);
    let table = CostTable::new(vec![run(CLOCK_PS)], vec![cost(exact.clone(), parts, 1.0)]);
    let array = ArrayEnergy::of_table(&table, LIBRARY, &exact).unwrap();
    let (mut modelled_fj, mut simulated_fj) = (0.0, 0.0);
    for (depth, filters) in [(3, 8), (8, 3), (12, 5), (20, 8), (4, 4), (40, 12)] {
        let workload = Workload::relu_like(depth, filters, WeightCoding::Unsigned, 2);
        let simulated = simulate(&workload).energy_fj();
        let (name, shape) = (String::new(), workload.shape());
        let layer = Layer { name, shape, exact: false, loaded_operand: None };
        let modelled = array.layer(&layer).unwrap().computing_fj;
        assert!((modelled / simulated - 1.0).abs() < 0.05, "{depth}, {filters}");
        (modelled_fj, simulated_fj) = (modelled_fj + modelled, simulated_fj + simulated);
    }
    assert!((modelled_fj / simulated_fj - 1.0).abs() < 0.02);
}

/// The embedded network, whose energies the table has as they were simulated. Its codes are more
/// often 0 than the random ones, so that energies are overestimated: those of products, adders and registers, not
/// the clock's, which is more of what designs take that save much. So these look better than they are. IHP has no
/// gate that may be used: its clock runs in idle PEs, too, which the model does not know.
#[test]
fn the_embedded_network_as_the_table_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo/assets/fashion-resnet8.onnx");
    let graph = model::load(&OnnxFile::open(&path).unwrap(), None).unwrap();
    let layers = Layer::of_graph(&graph);
    let macs: u64 = layers.iter().map(|layer| layer.shape.macs()).sum();
    let table = CostTable::shipped();
    let mut found: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for cost in table.costs.iter().filter(|cost| cost.stimulus == Stimulus::Demo) {
        let library = &table.run(cost).unwrap().library.name;
        let of_simulated = |design: &Array| {
            let array = ArrayEnergy::of_table(&table, library, design).unwrap();
            let layers = layers.iter().map(|layer| array.layer(layer).unwrap().computing_fj);
            let simulated = table.find(library, design, Stimulus::Demo).unwrap().energy_fj;
            layers.sum::<f64>() / macs as f64 / simulated
        };
        let (energies, ratios) = found.entry(library).or_default();
        let energy = of_simulated(&cost.design);
        energies.push(energy);
        ratios.push(energy / of_simulated(&cost.design.exact()));
    }
    assert_eq!(found.len(), 3, "{found:?}");
    for (library, energies, ratios) in [
        ("asap7", [1.35, 2.0], [0.70, 1.04]),
        ("asap7-plain", [1.05, 1.2], [0.88, 1.03]),
        ("ihp-sg13g2", [0.68, 1.7], [0.64, 1.03]),
    ] {
        let within = |values: &[f64], [least, most]: [f64; 2]| {
            values.iter().all(|value| (least..most).contains(value))
        };
        let of = &found[library];
        assert!(within(&of.0, energies), "{library}, energies: {:?}", of.0);
        assert!(within(&of.1, ratios), "{library}, over the exact array's: {:?}", of.1);
    }
}
