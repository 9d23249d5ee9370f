//! What a combinational netlist of cells computes.

use super::{MappedError, MappedNetlist, NetId, Port};
use crate::cells::{CellLibrary, TruthTable};

/// Computes the outputs of a combinational netlist, 64 evaluations at a time.
pub struct Evaluator {
    /// Function, nets of its inputs, net of its output; in the order in which values flow.
    gates: Vec<(TruthTable, Vec<NetId>, NetId)>,
    values: Vec<u64>,
}

impl Evaluator {
    /// Sorts the gates.
    ///
    /// # Errors
    /// When there is a flip-flop or a loop.
    pub fn new(netlist: &MappedNetlist, library: &CellLibrary) -> Result<Self, MappedError> {
        let is_clocked = |index: &usize| {
            let cell = &library.cells[netlist.instances[*index].cell];
            cell.flip_flop.is_some() || cell.clock_gate.is_some()
        };
        if let Some(index) = (0..netlist.instances.len()).find(is_clocked) {
            let instance = netlist.instances[index].name.clone();
            return Err(MappedError::Sequential { instance });
        }
        let mut gates = Vec::new();
        for index in netlist.order(library)? {
            let instance = &netlist.instances[index];
            let cell = &library.cells[instance.cell];
            let inputs: Vec<NetId> =
                instance.nets[..cell.inputs].iter().map(|net| net.unwrap_or(0)).collect();
            for (pin, net) in cell.pins.iter().zip(&instance.nets).skip(cell.inputs) {
                if let (Some(function), Some(net)) = (pin.function, net) {
                    gates.push((function, inputs.clone(), *net));
                }
            }
        }
        let mut values = vec![0; netlist.nets.len()];
        values[1] = u64::MAX;
        Ok(Self { gates, values })
    }

    /// Sets the value of a net, one evaluation in each bit.
    pub fn set(&mut self, net: NetId, word: u64) {
        self.values[net] = word;
    }

    /// Computes all nets.
    pub fn run(&mut self) {
        let mut words = [0; TruthTable::MAX_INPUTS];
        for (function, inputs, output) in &self.gates {
            for (word, net) in words.iter_mut().zip(inputs) {
                *word = self.values[*net];
            }
            self.values[*output] = function.evaluate_words(&words);
        }
    }

    /// The value of a net, one evaluation in each bit.
    pub fn get(&self, net: NetId) -> u64 {
        self.values[net]
    }
}

impl MappedNetlist {
    /// The output for all values of two inputs of 8 bits each: entry `256 a + b`.
    ///
    /// # Errors
    /// When there are no such ports, or the netlist is not combinational.
    ///
    /// # Panics
    /// If the output has more than 64 bits.
    pub fn product_table(
        &self,
        library: &CellLibrary,
        [a, b]: [&str; 2],
        output: &str,
    ) -> Result<Vec<u64>, MappedError> {
        let input = |name: &str| self.port(&self.inputs, "input", name, 8);
        let (a, b) = (input(a)?, input(b)?);
        let output = self.port(&self.outputs, "output", output, 0)?;
        assert!(output.nets.len() <= 64, "{} bits", output.nets.len());
        let mut evaluator = Evaluator::new(self, library)?;
        let mut table = vec![0; 1 << 16];
        for (first, entries) in table.chunks_mut(64).enumerate() {
            for (bit, &net) in b.nets.iter().chain(&a.nets).enumerate() {
                let word = (0..64).fold(0, |word, lane| {
                    let pair = 64 * first as u64 + lane;
                    word | (pair >> bit & 1) << lane
                });
                evaluator.set(net, word);
            }
            evaluator.run();
            for (bit, &net) in output.nets.iter().enumerate() {
                let word = evaluator.get(net);
                for (lane, entry) in entries.iter_mut().enumerate() {
                    *entry |= (word >> lane & 1) << bit;
                }
            }
        }
        Ok(table)
    }

    /// The port of a name; of any width if `bits` is 0.
    fn port<'a>(
        &self,
        ports: &'a [Port],
        direction: &'static str,
        name: &str,
        bits: usize,
    ) -> Result<&'a Port, MappedError> {
        let fits = |port: &&Port| port.name == name && (bits == 0 || port.nets.len() == bits);
        ports.iter().find(fits).ok_or_else(|| {
            let all = self.inputs.iter().chain(&self.outputs);
            let found = all.map(|port| format!("{} [{}]", port.name, port.nets.len()));
            MappedError::Port {
                module: self.name.clone(),
                direction,
                port: name.to_owned(),
                bits,
                found: found.collect::<Vec<_>>().join(", "),
            }
        })
    }
}
