//! How long the simulators take for 10,000 cycles of an exact PE.
//!
//! `cargo bench -p recoup-hardware` synthesises the PE with yosys on the cells of Debian's package
//! qflow-tech-osu018, or on the Liberty files that it is given: `-- FILE.lib ...`. It fails if the
//! simulator with delays takes more than half a second, which is what it is meant to stay below.

use std::time::{Duration, Instant};

use recoup_core::watch::Unwatched;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::power::{Excerpt, PortBits, Scene, Unit, UnitStream, Workload};
use recoup_hardware::rtl::{ArrayRtl, MultiplierCircuit, Options, Sources};
use recoup_hardware::simulate::{
    Circuit, DelayOptions, Delays, EventDriven, LANES, Layout, ZeroDelay,
};
use recoup_hardware::synthesis::{SynthesisOptions, synthesize};
use recoup_kernels::WeightCoding;

const CYCLES: u64 = 10_000;
const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

fn main() {
    let given = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut files: Vec<String> = given.collect();
    if files.is_empty() {
        files.push(OSU018.into());
    }
    let library = CellLibrary::read(&files).unwrap_or_else(|error| panic!("{error}"));
    let exact = "exact".parse().expect("a multiplier");
    let circuit = MultiplierCircuit::new(&exact, WeightCoding::Unsigned).expect("a circuit");
    let design = ArrayRtl::new(circuit, Options::new(16, 16, 16), None).expect("a design");
    let options = SynthesisOptions::new(&library);
    let synthesis = synthesize(&Sources::pe(&design), &library, &options, &Unwatched)
        .unwrap_or_else(|error| panic!("{error}"));
    let circuit = Circuit::new(&library, &synthesis.netlist).expect("a circuit");
    let workload = Workload::uniform(16, 16, 1);
    let ports = PortBits::new(&synthesis.netlist);
    let stream = |row| {
        let excerpt = Excerpt { group: 0, filter: 1, tile: 0, row, start: 0 };
        UnitStream::new(Scene::new(&design, &workload), &ports, Unit::Pe, excerpt)
    };

    let delays = Delays::new(&circuit, &Layout::new(&circuit), &DelayOptions::default());
    let mut simulator = EventDriven::new(&circuit, &delays, 1000.0);
    let with_delays = median(|| simulator.run(&mut stream(8), CYCLES));
    let toggles = simulator.take().toggles.iter().sum::<u64>();
    let cells = synthesis.netlist.instances.len();
    println!("{}: PE of {cells} cells, {toggles} transitions counted", library.name);
    println!("with delays:    {CYCLES} cycles in {with_delays:.1?}");

    let mut simulator = ZeroDelay::new(&circuit);
    let mut streams: Vec<_> = (0..LANES).map(|lane| stream(lane % 16)).collect();
    let rounds = CYCLES.div_ceil(LANES as u64);
    let without = median(|| simulator.run(&mut streams, rounds));
    println!("without delays: {CYCLES} cycles in {without:.1?}, {LANES} streams at a time");
    assert!(with_delays < Duration::from_millis(500), "too slow");
}

/// The median of five runs.
fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[2]
}
