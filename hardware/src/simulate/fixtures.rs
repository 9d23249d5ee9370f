//! A small library with round numbers, and netlists of it, for tests.

use crate::cells::{
    ArcKind, Cell, CellLibrary, FlipFlop, Pin, PowerArc, Sense, Table, TimingArc, TruthTable,
};
use crate::mapped::{Instance, MappedNetlist, NetId, Port};

/// base + 0.1 slew + 2 load, on three slews and three loads.
pub(crate) fn linear(base: f64) -> Table {
    let (slews_ps, loads_ff) = (vec![5.0, 10.0, 40.0], vec![0.5, 2.0, 8.0]);
    let values = slews_ps
        .iter()
        .flat_map(|slew| loads_ff.iter().map(move |load| base + 0.1 * slew + 2.0 * load))
        .collect();
    Table { slews_ps, loads_ff, values }
}

pub(crate) fn constant(value: f64) -> Table {
    Table::scalar(value)
}

fn input(name: &str, capacitance_ff: f64) -> Pin {
    Pin { name: name.into(), capacitance_ff, ..Pin::default() }
}

fn gate(name: &str, inputs: &[&str], outputs: &[(&str, u64)], base_ps: f64) -> Cell {
    let mut pins: Vec<Pin> = inputs.iter().map(|name| input(name, 0.5)).collect();
    for &(output, bits) in outputs {
        let timing = |related: usize| TimingArc {
            related,
            kind: ArcKind::Delay(Sense::Both),
            when: None,
            rise_ps: linear(base_ps + related as f64),
            fall_ps: linear(base_ps + 2.0 + related as f64),
            rise_slew_ps: linear(4.0),
            fall_slew_ps: linear(5.0),
        };
        let power = |related: usize| PowerArc {
            related: Some(related),
            when: None,
            rise_fj: constant(0.25 + related as f64 / 8.0),
            fall_fj: constant(0.125),
        };
        pins.push(Pin {
            name: output.into(),
            function: Some(TruthTable { inputs: inputs.len() as u8, bits }),
            timing: (0..inputs.len()).map(timing).collect(),
            power: (0..inputs.len()).map(power).collect(),
            ..Pin::default()
        });
    }
    Cell {
        name: name.into(),
        area_um2: 1.0,
        leakage_nw: 8.0,
        leakage_when: Vec::new(),
        pins,
        inputs: inputs.len(),
        flip_flop: None,
        clock_gate: None,
    }
}

fn flip_flop() -> Cell {
    let of_clock = |rise, fall| {
        vec![PowerArc {
            related: None,
            when: None,
            rise_fj: constant(rise),
            fall_fj: constant(fall),
        }]
    };
    Cell {
        name: "DFF".into(),
        area_um2: 4.0,
        leakage_nw: 16.0,
        leakage_when: Vec::new(),
        pins: vec![
            Pin { power: of_clock(0.0625, 0.03125), ..input("D", 0.5) },
            Pin { power: of_clock(0.5, 0.25), ..input("CLK", 0.75) },
            Pin {
                name: "Q".into(),
                // Of D, CLK and the state.
                function: Some(TruthTable { inputs: 3, bits: 0b1111_0000 }),
                timing: vec![TimingArc {
                    related: 1,
                    kind: ArcKind::Delay(Sense::RisingEdge),
                    when: None,
                    rise_ps: linear(20.0),
                    fall_ps: linear(22.0),
                    rise_slew_ps: linear(6.0),
                    fall_slew_ps: linear(7.0),
                }],
                power: vec![PowerArc {
                    related: Some(1),
                    when: None,
                    rise_fj: constant(1.0),
                    fall_fj: constant(2.0),
                }],
                ..Pin::default()
            },
        ],
        inputs: 2,
        flip_flop: Some(FlipFlop {
            clock: 1,
            falling: false,
            next_state: TruthTable { inputs: 2, bits: 0b1010 },
            tied: Vec::new(),
        }),
        clock_gate: None,
    }
}

/// INV, NAND2, XOR2, BUF, FA and DFF.
pub(crate) fn library() -> CellLibrary {
    let cells = vec![
        gate("INV", &["A"], &[("Y", 0b01)], 5.0),
        gate("NAND2", &["A", "B"], &[("Y", 0b0111)], 8.0),
        gate("XOR2", &["A", "B"], &[("Y", 0b0110)], 15.0),
        gate("BUF", &["A"], &[("Y", 0b10)], 10.0),
        gate("FA", &["A", "B", "CI"], &[("S", 0b1001_0110), ("CO", 0b1110_1000)], 25.0),
        flip_flop(),
    ];
    let by_name = cells.iter().enumerate().map(|(id, cell)| (cell.name.clone(), id)).collect();
    CellLibrary { name: "fixture".into(), voltage_v: 2.0, cells, by_name, ..CellLibrary::default() }
}

/// Builds netlists of the fixture's (or another) library cell by cell.
pub(crate) struct Builder<'a> {
    library: &'a CellLibrary,
    pub(crate) netlist: MappedNetlist,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(library: &'a CellLibrary) -> Self {
        let nets = vec!["zero".into(), "one".into()];
        let netlist = MappedNetlist { name: "top".into(), nets, ..MappedNetlist::default() };
        Self { library, netlist }
    }

    pub(crate) fn net(&mut self) -> NetId {
        self.netlist.nets.push(format!("n{}", self.netlist.nets.len()));
        self.netlist.nets.len() - 1
    }

    pub(crate) fn input(&mut self, name: &str, width: usize) -> Vec<NetId> {
        let nets: Vec<NetId> = (0..width).map(|_| self.net()).collect();
        self.netlist.inputs.push(Port { name: name.into(), nets: nets.clone() });
        nets
    }

    pub(crate) fn output(&mut self, name: &str, nets: &[NetId]) {
        self.netlist.outputs.push(Port { name: name.into(), nets: nets.to_vec() });
    }

    /// Adds a cell and returns the nets of its outputs.
    pub(crate) fn cell(&mut self, name: &str, inputs: &[NetId]) -> Vec<NetId> {
        let id = self.library.by_name[name];
        let cell = &self.library.cells[id];
        assert_eq!(cell.inputs, inputs.len());
        let outputs: Vec<NetId> = (cell.inputs..cell.pins.len()).map(|_| self.net()).collect();
        let nets = inputs.iter().chain(&outputs).map(|&net| Some(net)).collect();
        let name = format!("u{}", self.netlist.instances.len());
        self.netlist.instances.push(Instance { name, cell: id, nets });
        outputs
    }
}

/// An accumulator of products' parities, with all cells of the fixture: 4 bits, ripple carry, and
/// paths of different lengths so that there are glitches.
pub(crate) fn accumulator(library: &CellLibrary) -> MappedNetlist {
    let mut builder = Builder::new(library);
    let clock = builder.input("clk", 1)[0];
    let a = builder.input("a", 4);
    let b = builder.input("b", 4);
    // The registers' outputs are needed before their inputs exist.
    let state: Vec<NetId> = (0..4).map(|_| builder.net()).collect();
    let mut carry = 0;
    for bit in 0..4 {
        let nand = builder.cell("NAND2", &[a[bit], b[bit]])[0];
        let term = builder.cell("INV", &[nand])[0];
        let other = builder.cell("XOR2", &[term, b[(bit + 1) % 4]])[0];
        let slow = builder.cell("BUF", &[other])[0];
        let sum = builder.cell("FA", &[slow, state[bit], carry]);
        carry = sum[1];
        let id = library.by_name["DFF"];
        let nets = vec![Some(sum[0]), Some(clock), Some(state[bit])];
        let name = format!("acc{bit}");
        builder.netlist.instances.push(Instance { name, cell: id, nets });
    }
    builder.output("sum", &state);
    builder.output("carry", &[carry]);
    builder.netlist
}

/// A stream of random bits.
pub(crate) struct Random(pub(crate) u64);

impl super::Stimulus for Random {
    fn next(&mut self, bits: &mut [bool]) {
        for bit in bits {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *bit = self.0 >> 63 == 1;
        }
    }
}
