//! Cells by what they compute.

use super::{Cell, CellId, CellLibrary, TruthTable};

/// A cell that adds bits, with outputs that may be inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adder {
    /// The cell.
    pub cell: CellId,
    /// Pin of the sum.
    pub sum: usize,
    /// Pin of the carry.
    pub carry: usize,
    /// The sum is inverted.
    pub sum_inverted: bool,
    /// The carry is inverted.
    pub carry_inverted: bool,
}

impl Cell {
    /// Whether the cell is combinational with one output, of this function of its inputs.
    pub fn computes(&self, function: TruthTable) -> bool {
        self.flip_flop.is_none()
            && self.clock_gate.is_none()
            && self.pins.len() == self.inputs + 1
            && self.pins[self.inputs].function == Some(function)
    }

    /// Whether the cell stores one of its inputs, or the inverse, at the clock's rising edge.
    pub fn is_rising_d_flip_flop(&self) -> bool {
        self.flip_flop.as_ref().is_some_and(|flip_flop| !flip_flop.falling)
            && !self.is_scan_flip_flop()
    }

    /// Whether the cell stores more than one of its inputs, as scan flip-flops do.
    pub(super) fn is_scan_flip_flop(&self) -> bool {
        self.flip_flop.as_ref().is_some_and(|flip_flop| {
            let inputs = 0..self.inputs;
            inputs.filter(|&input| flip_flop.next_state.depends_on(input)).count() != 1
        })
    }

    fn adder(&self, cell: CellId, inputs: usize, carry_of: fn(u32) -> bool) -> Option<Adder> {
        if self.flip_flop.is_some() || self.inputs != inputs || self.pins.len() != inputs + 2 {
            return None;
        }
        let sum_of = |v: u32| v.count_ones() % 2 == 1;
        let output = |function: &dyn Fn(u32) -> bool| {
            [false, true].into_iter().find_map(|inverted| {
                let wanted = TruthTable::new(inputs, |v| function(v) != inverted);
                let is_it = |pin: &usize| self.pins[*pin].function == Some(wanted);
                (inputs..inputs + 2).find(is_it).map(|pin| (pin, inverted))
            })
        };
        let (sum, sum_inverted) = output(&sum_of)?;
        let (carry, carry_inverted) = output(&carry_of)?;
        Some(Adder { cell, sum, carry, sum_inverted, carry_inverted })
    }
}

impl CellLibrary {
    /// The smallest full adder among the cells.
    pub fn full_adder(&self, cells: &[CellId]) -> Option<Adder> {
        self.smallest_adder(cells, 3, |v| v.count_ones() >= 2)
    }

    /// The smallest half adder among the cells.
    pub fn half_adder(&self, cells: &[CellId]) -> Option<Adder> {
        self.smallest_adder(cells, 2, |v| v == 3)
    }

    fn smallest_adder(
        &self,
        cells: &[CellId],
        inputs: usize,
        carry: fn(u32) -> bool,
    ) -> Option<Adder> {
        let adders = cells.iter().filter_map(|&id| self.cells[id].adder(id, inputs, carry));
        adders.min_by(|a, b| {
            let area = |adder: &Adder| self.cells[adder.cell].area_um2;
            area(a).total_cmp(&area(b))
        })
    }

    /// The smallest clock gate among the cells.
    pub fn clock_gate(&self, cells: &[CellId]) -> Option<CellId> {
        let gates = cells.iter().copied().filter(|&id| self.cells[id].clock_gate.is_some());
        gates.min_by(|&a, &b| self.cells[a].area_um2.total_cmp(&self.cells[b].area_um2))
    }

    /// The smallest cell of a function among the cells.
    pub fn smallest(&self, cells: &[CellId], function: TruthTable) -> Option<CellId> {
        let some = cells.iter().copied().filter(|&id| self.cells[id].computes(function));
        some.min_by(|&a, &b| self.cells[a].area_um2.total_cmp(&self.cells[b].area_um2))
    }
}
