//! Stimuli of an array's units, cycle for cycle as the array would give them.

use std::collections::HashMap;
use std::ops::Range;

use crate::mapped::MappedNetlist;
use crate::rtl::ArrayRtl;
use crate::simulate::Stimulus;

use super::workload::Workload;

/// The run of positions that a unit is watched at. What a unit does not have is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Group of the layer.
    pub group: usize,
    /// Filter, which is the column's.
    pub filter: usize,
    /// Tile of rows.
    pub tile: usize,
    /// Row of the array.
    pub row: usize,
    /// First position.
    pub start: usize,
}

/// A layer on a design, from which the values at every unit's ports follow.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The design.
    pub design: &'a ArrayRtl,
    /// The layer.
    pub workload: &'a Workload,
    /// What rows beyond the last product get: a code without x.
    padding: u8,
    /// What every PE leaves out of its sum, and what the column starts with to make up for it.
    pe_constant: i64,
    psum_start: i64,
}

impl<'a> Scene<'a> {
    /// A layer on a design.
    pub fn new(design: &'a ArrayRtl, workload: &'a Workload) -> Self {
        let without_x = |code: &u8| design.term().is_none_or(|(x, _)| x.value(*code) == 0);
        let padding = (0..=255).find(without_x).unwrap_or(0);
        let (pe_constant, psum_start) = (design.pe_constant(), design.psum_start() as i64);
        Self { design, workload, padding, pe_constant, psum_start }
    }

    fn rows(&self) -> usize {
        self.design.options.rows
    }

    fn code(&self, group: usize, position: usize, product: usize) -> u8 {
        if product >= self.workload.depth {
            return self.padding;
        }
        self.workload.activation(group, position, product)
    }

    /// The sum of the first `count` products of a tile, in units of 2^lsb.
    fn sum(&self, excerpt: &Excerpt, tile: usize, count: usize, position: usize) -> i64 {
        let circuit = &self.design.circuit;
        let products = tile * self.rows()..tile * self.rows() + count;
        let product = |product: usize| {
            let weight = self.workload.weight(excerpt.group, excerpt.filter, product);
            let code = self.code(excerpt.group, position, product);
            i64::from(circuit.product(weight, code) >> circuit.lsb())
        };
        products.map(product).sum()
    }

    /// X of the first `count` products of a tile.
    fn x(&self, group: usize, tile: usize, count: usize, position: usize) -> i64 {
        let Some((x, _)) = self.design.term() else { return 0 };
        let products = tile * self.rows()..tile * self.rows() + count;
        products.map(|product| i64::from(x.value(self.code(group, position, product)))).sum()
    }
}

/// The bits of the input ports by name.
#[derive(Clone, Debug)]
pub struct PortBits(HashMap<String, Range<usize>>);

impl PortBits {
    /// The ports of a netlist.
    pub fn new(netlist: &MappedNetlist) -> Self {
        let mut first = 0;
        let ports = netlist.inputs.iter().map(|port| {
            let range = first..first + port.nets.len();
            first = range.end;
            (port.name.clone(), range)
        });
        Self(ports.collect())
    }

    /// Sets the low bits of a value at a port, if there is one of this name.
    fn set(&self, bits: &mut [bool], port: &str, value: i64) {
        let Some(range) = self.0.get(port) else { return };
        for (place, bit) in bits[range.clone()].iter_mut().enumerate() {
            *bit = value >> place.min(63) & 1 == 1;
        }
    }
}

/// Which unit a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One PE.
    Pe,
    /// The x line.
    XLine,
    /// The end of a column.
    MacPlus,
    /// The sums of what a column is loaded with.
    LoadSums,
    /// What makes constants of them.
    Constants,
}

impl Unit {
    /// All of them, the PE first.
    pub const ALL: [Self; 5] =
        [Self::Pe, Self::XLine, Self::MacPlus, Self::LoadSums, Self::Constants];

    /// How many of it an array has.
    pub fn count(self, rows: usize, columns: usize) -> usize {
        match self {
            Unit::Pe => rows * columns,
            Unit::XLine | Unit::Constants => 1,
            Unit::MacPlus | Unit::LoadSums => columns,
        }
    }
}

/// What an array does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Positions stream through it.
    Computing,
    /// Weights move down its columns, tile after tile.
    Loading,
}

/// The stream of one unit during one excerpt.
pub struct UnitStream<'a> {
    scene: Scene<'a>,
    ports: &'a PortBits,
    unit: Unit,
    phase: Phase,
    excerpt: Excerpt,
    cycle: usize,
}

impl<'a> UnitStream<'a> {
    /// A stream of positions, that begins with loading the unit's weight or constants.
    pub fn new(scene: Scene<'a>, ports: &'a PortBits, unit: Unit, excerpt: Excerpt) -> Self {
        Self { scene, ports, unit, phase: Phase::Computing, excerpt, cycle: 0 }
    }

    /// The same of what the unit does in a phase.
    pub fn of_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// Cycles until the unit works on the excerpt's positions alone.
    pub fn warm_up(design: &ArrayRtl, unit: Unit) -> u64 {
        match unit {
            Unit::Pe | Unit::MacPlus | Unit::LoadSums => 4,
            // As long as a column's sums are on their way.
            Unit::Constants => 10,
            Unit::XLine => design.options.rows as u64 + 2,
        }
    }

    /// The position that began `late` cycles ago.
    fn position(&self, late: usize) -> usize {
        self.excerpt.start + self.cycle.saturating_sub(late)
    }

    /// The weight is loaded; then codes move through, and the partial sum of a position comes
    /// when its code is in the operand register (or, with a pipeline, its product is stored).
    fn pe(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let design = scene.design;
        let first = excerpt.tile * scene.rows();
        let loads = self.cycle == 0;
        // After loading, the weight of the row above is held at the port.
        let row = if loads { excerpt.row } else { excerpt.row.saturating_sub(1) };
        let weight = scene.workload.weight(excerpt.group, excerpt.filter, first + row);
        ports.set(bits, "load", i64::from(loads));
        ports.set(bits, "w_in", gather(weight, &design.pe_weight_bits()));
        let code = scene.code(excerpt.group, self.position(0), first + excerpt.row);
        ports.set(bits, "a_in", gather(code, &design.pe_activation_bits()));
        ports.set(bits, "zero_in", i64::from(code == 0));
        let late = 1 + usize::from(design.options.pipeline);
        let above = scene.sum(excerpt, excerpt.tile, excerpt.row, self.position(late));
        // Every row so far has left its constant out.
        let left_out = excerpt.row as i64 * scene.pe_constant;
        ports.set(bits, "psum_in", scene.psum_start + above - left_out);
        let x = scene.x(excerpt.group, excerpt.tile, excerpt.row, self.position(1));
        ports.set(bits, "x_in", x);
    }

    /// The weight that enters the top of the column in a cycle of loading: tile after tile, the last
    /// row's first.
    fn word(&self, cycle: usize) -> u8 {
        let Self { scene, excerpt, .. } = self;
        let (rows, workload) = (scene.rows(), scene.workload);
        let tile = (excerpt.tile + cycle / rows) % workload.shape().tiles(rows);
        let product = (tile + 1) * rows - 1 - cycle % rows;
        workload.weight(excerpt.group, excerpt.filter, product)
    }

    /// The cycle of loading; words have come down to every row before.
    fn loading_cycle(&self) -> usize {
        let rows = self.scene.rows();
        2 * rows + self.excerpt.start % rows + self.cycle
    }

    /// Weights move down by a row each cycle, and the code of the activations stays. What they make of
    /// it moves down with them: a sum has the same weight's product from each row above.
    fn loading_pe(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let design = scene.design;
        let now = self.loading_cycle() - excerpt.row;
        ports.set(bits, "load", 1);
        ports.set(bits, "w_in", gather(self.word(now), &design.pe_weight_bits()));
        ports.set(bits, "a_in", gather(scene.padding, &design.pe_activation_bits()));
        ports.set(bits, "zero_in", i64::from(scene.padding == 0));
        let late = 1 + usize::from(design.options.pipeline);
        let circuit = &design.circuit;
        let product = circuit.product(self.word(now - late), scene.padding) >> circuit.lsb();
        let above = excerpt.row as i64 * (i64::from(product) - scene.pe_constant);
        ports.set(bits, "psum_in", scene.psum_start + above);
    }

    /// Every weight of a tile counts but those beyond the last product.
    fn loading_sums(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let (rows, now) = (scene.rows(), self.loading_cycle());
        let tiles = scene.workload.shape().tiles(rows);
        let tile = (excerpt.tile + now / rows) % tiles;
        let product = (tile + 1) * rows - 1 - now % rows;
        ports.set(bits, "count", i64::from(product < scene.workload.depth));
        ports.set(bits, "first", i64::from(tile == 0 && now.is_multiple_of(rows)));
        ports.set(bits, "w", i64::from(self.word(now)));
    }

    /// Row r gets its code r cycles later; X of the tiles before comes when the last row's sum is
    /// stored.
    fn x_line(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let rows = scene.rows();
        if let Some(range) = ports.0.get("a") {
            for row in 0..rows {
                let product = excerpt.tile * rows + row;
                let code = scene.code(excerpt.group, self.position(row), product);
                for bit in 0..8 {
                    bits[range.start + 8 * row + bit] = code >> bit & 1 == 1;
                }
            }
        }
        let before = (0..excerpt.tile)
            .map(|tile| scene.x(excerpt.group, tile, rows, self.position(rows)))
            .sum();
        ports.set(bits, "x_in", before);
    }

    fn mac_plus(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let (rows, workload) = (scene.rows(), scene.workload);
        let position = self.position(0);
        let loads = self.cycle == 0;
        ports.set(bits, "c_load", i64::from(loads));
        ports.set(bits, "c_in", i64::from(workload.c(excerpt.group, excerpt.filter)));
        ports.set(bits, "c0_in", i64::from(workload.c0(excerpt.group, excerpt.filter)));
        ports.set(bits, "psum", scene.sum(excerpt, excerpt.tile, rows, position));
        let before = (0..excerpt.tile).map(|tile| scene.sum(excerpt, tile, rows, position)).sum();
        ports.set(bits, "acc_in", before);
        let x = (0..=excerpt.tile).map(|tile| scene.x(excerpt.group, tile, rows, position)).sum();
        ports.set(bits, "x_in", x);
        ports.set(bits, "last_in", i64::from(excerpt.tile + 1 == workload.shape().tiles(rows)));
    }

    /// The weight that the port holds after loading is counted first, so that the sums have a
    /// value; then nothing moves while positions stream.
    fn load_sums(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let loads = i64::from(self.cycle == 0);
        let first = excerpt.tile * scene.rows();
        ports.set(bits, "count", loads);
        ports.set(bits, "first", loads);
        let weight = scene.workload.weight(excerpt.group, excerpt.filter, first);
        ports.set(bits, "w", i64::from(weight));
    }

    /// What it holds, it keeps while positions stream.
    fn constants(&self, bits: &mut [bool]) {
        self.ports.set(bits, "layer_load", i64::from(self.cycle == 0));
    }
}

impl Stimulus for UnitStream<'_> {
    fn next(&mut self, bits: &mut [bool]) {
        match (self.unit, self.phase) {
            (Unit::Pe, Phase::Loading) => self.loading_pe(bits),
            (Unit::LoadSums, Phase::Loading) => self.loading_sums(bits),
            (Unit::Pe, _) => self.pe(bits),
            (Unit::XLine, _) => self.x_line(bits),
            (Unit::MacPlus, _) => self.mac_plus(bits),
            (Unit::LoadSums, _) => self.load_sums(bits),
            (Unit::Constants, _) => self.constants(bits),
        }
        self.cycle += 1;
    }
}

/// The bits of a byte that are stored.
fn gather(byte: u8, places: &[usize]) -> i64 {
    let bits = places.iter().enumerate();
    bits.fold(0, |value, (at, place)| value | i64::from(byte >> place & 1) << at)
}
