//! Drivers of nets, and gates in the order in which values flow.

use super::{MappedError, MappedNetlist, NetId};
use crate::cells::CellLibrary;

/// Index of an instance and its output pin.
pub(crate) type Driver = (usize, usize);

/// Most instances of a loop that a message names.
const SHOWN: usize = 6;

impl MappedNetlist {
    /// The instance and output pin that drive each net; `None` for constants and inputs.
    ///
    /// # Errors
    /// When a net has several drivers.
    pub(crate) fn drivers(
        &self,
        library: &CellLibrary,
    ) -> Result<Vec<Option<Driver>>, MappedError> {
        let mut drivers: Vec<Option<Driver>> = vec![None; self.nets.len()];
        let input = |net: NetId| {
            let port = self.inputs.iter().find(|port| port.nets.contains(&net));
            port.map(|port| format!("input {}", port.name))
        };
        let mut is_input = vec![false; self.nets.len()];
        is_input[0] = true;
        is_input[1] = true;
        for net in self.inputs.iter().flat_map(|port| &port.nets) {
            is_input[*net] = true;
        }
        for (index, instance) in self.instances.iter().enumerate() {
            let cell = &library.cells[instance.cell];
            for pin in cell.inputs..cell.pins.len() {
                let Some(net) = instance.nets[pin] else { continue };
                let before = drivers[net].replace((index, pin));
                let first = match before {
                    Some((first, _)) => self.instances[first].name.clone(),
                    None if is_input[net] => input(net).unwrap_or_else(|| "a constant".to_owned()),
                    None => continue,
                };
                return Err(MappedError::MultiplyDriven {
                    net: self.nets[net].clone(),
                    first,
                    second: instance.name.clone(),
                });
            }
        }
        Ok(drivers)
    }

    /// The combinational instances, each after those that drive its inputs.
    ///
    /// # Errors
    /// When they form a loop.
    pub fn order(&self, library: &CellLibrary) -> Result<Vec<usize>, MappedError> {
        let drivers = self.drivers(library)?;
        let is_gate = |index: usize| library.cells[self.instances[index].cell].flip_flop.is_none();
        let before = |index: usize| {
            let instance = &self.instances[index];
            let inputs = &instance.nets[..library.cells[instance.cell].inputs];
            let driver = |net: &Option<NetId>| drivers[(*net)?];
            inputs.iter().filter_map(driver).map(|(driver, _)| driver).filter(|i| is_gate(*i))
        };
        let mut waits = vec![0usize; self.instances.len()];
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.instances.len()];
        let gates: Vec<usize> = (0..self.instances.len()).filter(|index| is_gate(*index)).collect();
        for &index in &gates {
            for driver in before(index) {
                readers[driver].push(index);
                waits[index] += 1;
            }
        }
        let mut order: Vec<usize> =
            gates.iter().copied().filter(|&index| waits[index] == 0).collect();
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            for &reader in &readers[index] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    order.push(reader);
                }
            }
        }
        if order.len() == gates.len() {
            return Ok(order);
        }
        // From any gate that waits, a gate that waits before it, until one comes again.
        let waiting = |index: &usize| waits[*index] > 0;
        let mut way: Vec<usize> = gates.into_iter().find(waiting).into_iter().collect();
        while let Some(index) = before(way[way.len() - 1]).find(waiting) {
            if let Some(start) = way.iter().position(|other| *other == index) {
                way.drain(..start);
                break;
            }
            way.push(index);
        }
        way.reverse();
        let names: Vec<&str> =
            way.iter().take(SHOWN).map(|&index| self.instances[index].name.as_str()).collect();
        let more = if way.len() > SHOWN { ", …" } else { "" };
        Err(MappedError::Cycle { instances: names.join(", ") + more })
    }

    /// Every net that is read has one driver, no gates form a loop, and pins that must be tied
    /// are.
    pub(crate) fn check(&self, library: &CellLibrary) -> Result<(), MappedError> {
        let drivers = self.drivers(library)?;
        let mut driven: Vec<bool> = drivers.iter().map(Option::is_some).collect();
        driven[..2].fill(true);
        for net in self.inputs.iter().flat_map(|port| &port.nets) {
            driven[*net] = true;
        }
        let undriven = |net: NetId, reader: &str| MappedError::Undriven {
            net: self.nets[net].clone(),
            reader: reader.to_owned(),
        };
        for instance in &self.instances {
            let cell = &library.cells[instance.cell];
            for (pin, net) in cell.pins.iter().zip(&instance.nets).take(cell.inputs) {
                match net {
                    Some(net) if driven[*net] => {}
                    Some(net) => return Err(undriven(*net, &instance.name)),
                    None => {
                        return Err(MappedError::Connection {
                            instance: instance.name.clone(),
                            kind: cell.name.clone(),
                            problem: format!("its input {} is not connected", pin.name),
                        });
                    }
                }
            }
            for (pin, value) in cell.all_tied() {
                let net = instance.nets[pin];
                if net.and_then(|net| self.constant(net, &drivers, library)) != Some(value) {
                    return Err(MappedError::Connection {
                        instance: instance.name.clone(),
                        kind: cell.name.clone(),
                        problem: format!(
                            "its pin {} is used; expected a constant {} there, since set, reset \
                             and test are not modelled",
                            cell.pins[pin].name,
                            u8::from(value)
                        ),
                    });
                }
            }
        }
        for port in &self.outputs {
            if let Some(net) = port.nets.iter().find(|net| !driven[**net]) {
                return Err(undriven(*net, &format!("output {}", port.name)));
            }
        }
        self.order(library).map(|_| ())
    }

    /// The value of a net that is constant, or driven by a cell without inputs.
    pub(crate) fn constant(
        &self,
        net: NetId,
        drivers: &[Option<Driver>],
        library: &CellLibrary,
    ) -> Option<bool> {
        match (net, drivers[net]) {
            (0 | 1, _) => Some(net == 1),
            (_, Some((index, pin))) => {
                let cell = &library.cells[self.instances[index].cell];
                let function = cell.pins[pin].function.filter(|_| cell.inputs == 0);
                function.and_then(|function| function.constant())
            }
            _ => None,
        }
    }
}
