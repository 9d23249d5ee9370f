//! Stimuli of an array's units, cycle for cycle as the array would give them.

use std::collections::HashMap;
use std::ops::Range;

use crate::mapped::MappedNetlist;
use crate::rtl::{ArrayRtl, Options};
use crate::simulate::Stimulus;

use super::workload::Workload;

/// The cycle from which a PE's registers stand still where they do: codes, products and sums of a tile
/// are in them.
const HELD_FROM: usize = 4;

/// The run of positions that a unit is watched at. What a unit does not have is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Group of the layer.
    pub group: usize,
    /// Filter, which is the column's; columns that share registers are watched together.
    pub filter: usize,
    /// Tile of rows.
    pub tile: usize,
    /// Row of PEs.
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

    /// The product that a row of a tile has, if it has one. Where clocks are gated, those of a tile that
    /// does not fill the rows are in the last ones.
    fn product(&self, tile: usize, row: usize) -> Option<usize> {
        let idle = self.idle_rows(tile) * self.design.options.products_per_pe;
        let product = tile * self.rows() + row.checked_sub(idle)?;
        (product < self.workload.depth).then_some(product)
    }

    /// Rows of PEs at the top that stand still in a tile.
    fn idle_rows(&self, tile: usize) -> usize {
        self.design.idle_rows(self.workload.depth.saturating_sub(tile * self.rows()))
    }

    fn code(&self, group: usize, position: usize, product: Option<usize>) -> u8 {
        let code = |product| self.workload.activation(group, position, product);
        product.map_or(self.padding, code)
    }

    /// A weight; 0 in rows without a product, and beyond the last filter.
    fn weight(&self, filter: (usize, usize), tile: usize, row: usize) -> u8 {
        self.weight_of(filter, self.product(tile, row))
    }

    fn weight_of(&self, (group, filter): (usize, usize), product: Option<usize>) -> u8 {
        product.map_or(0, |product| self.workload.weight(group, filter, product))
    }

    /// The products that the first `count` rows of a tile have, and how many of these rows have none.
    fn products(&self, tile: usize, count: usize) -> (Range<usize>, usize) {
        let idle = self.idle_rows(tile) * self.design.options.products_per_pe;
        let first = tile * self.rows();
        let end = (first + count.saturating_sub(idle)).min(self.workload.depth).max(first);
        (first..end, count - (end - first))
    }

    /// The sum of the products of a filter in the first `count` rows of a tile, in units of 2^lsb.
    fn sum(
        &self,
        (group, filter): (usize, usize),
        tile: usize,
        count: usize,
        position: usize,
    ) -> i64 {
        let circuit = &self.design.circuit;
        let product = |weight, code| i64::from(circuit.product(weight, code) >> circuit.lsb());
        let (products, without) = self.products(tile, count);
        let of = |at| {
            let weight = self.workload.weight(group, filter, at);
            product(weight, self.workload.activation(group, position, at))
        };
        products.map(of).sum::<i64>() + without as i64 * product(0, self.padding)
    }

    /// X of the first `count` rows of a tile; that of rows without a product is 0, if any code's is.
    fn x(&self, group: usize, tile: usize, count: usize, position: usize) -> i64 {
        let Some((x, _)) = self.design.term() else { return 0 };
        let (products, without) = self.products(tile, count);
        let of = |at| i64::from(x.value(self.workload.activation(group, position, at)));
        products.map(of).sum::<i64>() + without as i64 * i64::from(x.value(self.padding))
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
        write(&mut bits[range.clone()], value);
    }

    /// Sets one value after the other at a port, of so many bits each, if there is one of this
    /// name.
    fn set_each(
        &self,
        bits: &mut [bool],
        port: &str,
        width: usize,
        values: impl IntoIterator<Item = i64>,
    ) {
        let Some(range) = self.0.get(port).filter(|_| width > 0) else { return };
        let words = bits[range.clone()].chunks_mut(width);
        words.zip(values).for_each(|(word, value)| write(word, value));
    }
}

/// Which unit a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One PE.
    Pe,
    /// What gates the clock of the weights of a column, or of those that share PEs.
    WeightGate,
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
    pub const ALL: [Self; 6] =
        [Self::Pe, Self::WeightGate, Self::XLine, Self::MacPlus, Self::LoadSums, Self::Constants];

    /// How many of it an array has. A PE, and what ends a column, serves all columns that share
    /// registers.
    pub fn count(self, options: &Options) -> usize {
        match self {
            Unit::Pe => options.pe_rows() * options.column_groups(),
            Unit::XLine | Unit::Constants => 1,
            Unit::MacPlus | Unit::WeightGate => options.column_groups(),
            Unit::LoadSums => options.columns,
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
            // Registers that will stand still take what they hold first.
            Unit::Pe => HELD_FROM as u64 + 2,
            Unit::LoadSums | Unit::WeightGate => 4,
            // The constants of all its columns come one after the other.
            Unit::MacPlus => 3 + design.options.share_columns as u64,
            // As long as a column's sums are on their way.
            Unit::Constants => 10,
            Unit::XLine => design.options.pe_rows() as u64 + 2,
        }
    }

    /// The position that began `late` cycles ago.
    fn position(&self, late: usize) -> usize {
        self.excerpt.start + self.cycle.saturating_sub(late)
    }

    /// The group and the filters of the columns that the unit serves.
    fn filters(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Excerpt { group, filter, .. } = self.excerpt;
        let shared = self.scene.design.options.share_columns;
        let first = filter / shared * shared;
        (first..first + shared).map(move |filter| (group, filter))
    }

    /// The weights are loaded; then codes move through, and the partial sums of a position come
    /// when its codes are in the operand registers (or, with a pipeline, their products are stored).
    fn pe(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let design = scene.design;
        let products = design.options.products_per_pe;
        let loads = self.cycle == 0;
        // After loading, the weights of the row above are held at the port.
        let row = if loads { excerpt.row } else { excerpt.row.saturating_sub(1) };
        let weights = self.filters().flat_map(|filter| {
            let rows = row * products..(row + 1) * products;
            rows.map(move |row| scene.weight(filter, excerpt.tile, row))
        });
        ports.set(bits, "load", i64::from(loads));
        ports.set(bits, "w_gclk", i64::from(loads));
        let settles = self.cycle < HELD_FROM;
        let is_used = excerpt.row >= scene.idle_rows(excerpt.tile);
        ports.set(bits, "row_on", i64::from(is_used || settles));
        let is_filter = |(_, filter): (usize, usize)| filter < scene.workload.filters;
        ports.set(bits, "column_on", i64::from(self.filters().any(is_filter) || settles));
        self.set_weights(bits, weights);
        let rows = excerpt.row * products..(excerpt.row + 1) * products;
        let codes = rows.map(|row| {
            scene.code(excerpt.group, self.position(0), scene.product(excerpt.tile, row))
        });
        self.set_codes(bits, codes);
        let late = 1 + usize::from(design.options.pipeline);
        let above = excerpt.row * products;
        // Every row so far has left its constant out.
        let left_out = excerpt.row as i64 * scene.pe_constant;
        let sums = self.filters().map(|filter| {
            let above = scene.sum(filter, excerpt.tile, above, self.position(late));
            scene.psum_start + above - left_out
        });
        ports.set_each(bits, "psum_in", design.ranges.psum.bits(), sums);
        let x = scene.x(excerpt.group, excerpt.tile, above, self.position(1));
        ports.set(bits, "x_in", x);
    }

    fn set_weights(&self, bits: &mut [bool], weights: impl Iterator<Item = u8>) {
        let places = self.scene.design.pe_weight_bits();
        let weights = weights.map(|weight| gather(weight, &places));
        self.ports.set_each(bits, "w_in", places.len(), weights);
    }

    fn set_codes(&self, bits: &mut [bool], codes: impl Iterator<Item = u8> + Clone) {
        let places = self.scene.design.pe_activation_bits();
        let gathered = codes.map(|code| gather(code, &places));
        self.ports.set(bits, "zero_in", i64::from(gathered.clone().all(|code| code == 0)));
        self.ports.set_each(bits, "a_in", places.len(), gathered);
    }

    /// The products whose weights enter the top of a column in a cycle of loading, `None` beyond the
    /// last: tile after tile, the last row's first.
    fn loaded(&self, cycle: usize) -> impl Iterator<Item = Option<usize>> + Clone + use<'a> {
        let Self { scene, excerpt, .. } = *self;
        let options = &scene.design.options;
        let steps = options.pe_rows();
        let tile = (excerpt.tile + cycle / steps) % scene.workload.shape().tiles(scene.rows());
        let first = (steps - 1 - cycle % steps) * options.products_per_pe;
        (first..first + options.products_per_pe).map(move |row| scene.product(tile, row))
    }

    /// The cycle of loading; words have come down to every row before.
    fn loading_cycle(&self) -> usize {
        let steps = self.scene.design.options.pe_rows();
        2 * steps + self.excerpt.start % steps + self.cycle
    }

    /// Weights move down by a row each cycle, and the code of the activations stays. What they make of
    /// it moves down with them: a sum has the same weights' products from each row above.
    fn loading_pe(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let design = scene.design;
        let now = self.loading_cycle() - excerpt.row;
        let words = |cycle: usize| {
            self.filters().map(move |(group, filter)| {
                let products = self.loaded(cycle);
                products.map(move |product| scene.weight_of((group, filter), product))
            })
        };
        for port in ["load", "w_gclk", "row_on", "column_on"] {
            ports.set(bits, port, 1);
        }
        self.set_weights(bits, words(now).flatten());
        let codes = std::iter::repeat_n(scene.padding, design.options.products_per_pe);
        self.set_codes(bits, codes);
        let late = 1 + usize::from(design.options.pipeline);
        let circuit = &design.circuit;
        let sums = words(now - late).map(|weights| {
            let products = weights
                .map(|weight| i64::from(circuit.product(weight, scene.padding) >> circuit.lsb()));
            let above = excerpt.row as i64 * (products.sum::<i64>() - scene.pe_constant);
            scene.psum_start + above
        });
        ports.set_each(bits, "psum_in", design.ranges.psum.bits(), sums);
    }

    /// Every weight of a tile counts but those beyond the last product.
    fn loading_sums(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let now = self.loading_cycle();
        let products = self.loaded(now);
        let counts = products.clone().map(|product| i64::from(product.is_some()));
        ports.set_each(bits, "count", 1, counts);
        let steps = scene.design.options.pe_rows();
        let tiles = scene.workload.shape().tiles(scene.rows());
        let is_first = (excerpt.tile + now / steps).is_multiple_of(tiles);
        ports.set(bits, "first", i64::from(is_first && now.is_multiple_of(steps)));
        let filter = (excerpt.group, excerpt.filter);
        let weights = products.map(|product| i64::from(scene.weight_of(filter, product)));
        ports.set_each(bits, "w", 8, weights);
    }

    /// Each row of PEs gets its codes a cycle later than the one above; X of the tiles before comes
    /// when the last row's sum is stored.
    fn x_line(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let (rows, options) = (scene.rows(), &scene.design.options);
        let codes = (0..rows).map(|row| {
            let position = self.position(row / options.products_per_pe);
            let product = scene.product(excerpt.tile, row);
            i64::from(scene.code(excerpt.group, position, product))
        });
        ports.set_each(bits, "a", 8, codes);
        let before = (0..excerpt.tile)
            .map(|tile| scene.x(excerpt.group, tile, rows, self.position(options.pe_rows())))
            .sum();
        ports.set(bits, "x_in", before);
    }

    fn mac_plus(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let (rows, workload, ranges) = (scene.rows(), scene.workload, &scene.design.ranges);
        let position = self.position(0);
        // The last column's constants first; then nothing moves.
        let columns = scene.design.options.share_columns;
        let column = columns - 1 - self.cycle.min(columns - 1);
        if let Some((group, filter)) = self.filters().nth(column) {
            ports.set(bits, "c_in", i64::from(workload.c(group, filter)));
            ports.set(bits, "c0_in", i64::from(workload.c0(group, filter)));
        }
        ports.set(bits, "c_load", i64::from(self.cycle < columns));
        let sums = self.filters().map(|it| scene.sum(it, excerpt.tile, rows, position));
        ports.set_each(bits, "psum", ranges.psum.bits(), sums);
        let before = |filter| -> i64 {
            (0..excerpt.tile).map(|tile| scene.sum(filter, tile, rows, position)).sum()
        };
        ports.set_each(bits, "acc_in", ranges.acc.bits(), self.filters().map(before));
        let x = (0..=excerpt.tile).map(|tile| scene.x(excerpt.group, tile, rows, position)).sum();
        ports.set(bits, "x_in", x);
        ports.set(bits, "last_in", i64::from(excerpt.tile + 1 == workload.shape().tiles(rows)));
    }

    /// The weights that the port holds after loading are counted first, so that the sums have a
    /// value; then nothing moves while positions stream.
    fn load_sums(&self, bits: &mut [bool]) {
        let Self { scene, ports, excerpt, .. } = self;
        let loads = self.cycle == 0;
        let rows = 0..scene.design.options.products_per_pe;
        ports.set_each(bits, "count", 1, rows.clone().map(|_| i64::from(loads)));
        ports.set(bits, "first", i64::from(loads));
        let filter = (excerpt.group, excerpt.filter);
        let weight = |row| i64::from(scene.weight(filter, excerpt.tile, row));
        ports.set_each(bits, "w", 8, rows.map(weight));
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
            (Unit::WeightGate, phase) => {
                self.ports.set(bits, "load", i64::from(phase == Phase::Loading));
            }
            (Unit::Pe, _) => self.pe(bits),
            (Unit::XLine, _) => self.x_line(bits),
            (Unit::MacPlus, _) => self.mac_plus(bits),
            (Unit::LoadSums, _) => self.load_sums(bits),
            (Unit::Constants, _) => self.constants(bits),
        }
        self.cycle += 1;
    }
}

/// The low bits of a value.
fn write(bits: &mut [bool], value: i64) {
    for (place, bit) in bits.iter_mut().enumerate() {
        *bit = value >> place.min(63) & 1 == 1;
    }
}

/// The bits of a byte that are stored.
fn gather(byte: u8, places: &[usize]) -> i64 {
    let bits = places.iter().enumerate();
    bits.fold(0, |value, (at, place)| value | i64::from(byte >> place & 1) << at)
}
