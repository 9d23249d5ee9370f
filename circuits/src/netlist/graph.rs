//! Wires and their drivers, while a netlist is read.

use super::ast::Range;
use super::circuit::{INPUTS, Netlist, NetlistBuilder, OUTPUTS, Signal};
use super::error::{NetlistError, Place};
use super::gates::GateBuilder;

/// A place in the graph: a bit of a wire or the output of a gate.
pub(crate) type Node = u32;

/// Most nodes: bounds the memory that a hostile file takes.
const MAX_NODES: usize = 1 << 21;

/// The state of a node before it was visited.
const UNSEEN: Signal = Signal::MAX;
/// The state of a node whose inputs are being visited.
const OPEN: Signal = Signal::MAX - 1;

#[derive(Clone, Copy, Debug)]
pub(super) enum Driver {
    /// Of a wire: nothing yet.
    Nothing,
    /// Of a wire.
    Node(Node),
    /// Of a wire that is an input, but no operand.
    Foreign,
    /// x or z, which may be 0 or 1 as long as the product does not depend on it.
    Unknown,
    Operand(Signal),
    Constant(bool),
    Not(Node),
    And(Node, Node),
    Or(Node, Node),
    Xor(Node, Node),
    Mux([Node; 3]),
}

/// A vector of wire bits, whose nodes follow each other.
#[derive(Debug)]
struct Wire {
    first: Node,
    name: String,
    range: Option<Range>,
    at: Place,
}

#[derive(Debug)]
pub(crate) struct Graph {
    drivers: Vec<Driver>,
    wires: Vec<Wire>,
}

impl Graph {
    pub fn new() -> Self {
        Self { drivers: vec![Driver::Constant(false), Driver::Constant(true)], wires: Vec::new() }
    }

    pub fn constant(&self, value: bool) -> Node {
        Node::from(value)
    }

    fn push(&mut self, driver: Driver) -> Node {
        self.drivers.push(driver);
        (self.drivers.len() - 1) as Node
    }

    /// Fails if the circuit has grown too large; to be called wherever it grows.
    pub fn check_size(&self) -> Result<(), NetlistError> {
        if self.drivers.len() > MAX_NODES {
            return Err(NetlistError::TooLarge {
                what: "the number of wires and gates".to_owned(),
                limit: MAX_NODES.to_string(),
            });
        }
        Ok(())
    }

    /// A new vector without drivers, lowest bit first.
    pub fn wire(
        &mut self,
        name: String,
        range: Option<Range>,
        at: Place,
    ) -> Result<Vec<Node>, NetlistError> {
        let width = range.map_or(1, Range::width);
        let first = self.drivers.len() as Node;
        self.wires.push(Wire { first, name, range, at });
        let nodes = (0..width).map(|_| self.push(Driver::Nothing)).collect();
        self.check_size()?;
        Ok(nodes)
    }

    /// A bit that is x or z; `what` names it in messages.
    pub fn unknown(&mut self, what: String, at: Place) -> Result<Node, NetlistError> {
        let node = self.wire(what, None, at)?[0];
        self.drivers[node as usize] = Driver::Unknown;
        Ok(node)
    }

    pub fn not(&mut self, a: Node) -> Node {
        self.push(Driver::Not(a))
    }

    pub fn and(&mut self, a: Node, b: Node) -> Node {
        self.push(Driver::And(a, b))
    }

    pub fn or(&mut self, a: Node, b: Node) -> Node {
        self.push(Driver::Or(a, b))
    }

    pub fn xor(&mut self, a: Node, b: Node) -> Node {
        self.push(Driver::Xor(a, b))
    }

    pub fn mux(&mut self, select: Node, high: Node, low: Node) -> Node {
        self.push(Driver::Mux([select, high, low]))
    }

    /// Makes `source` the driver of a wire's bit.
    pub fn drive(&mut self, wire: Node, source: Node, at: Place) -> Result<(), NetlistError> {
        self.set(wire, Driver::Node(source), at)
    }

    /// Makes a wire the bit of an operand: a signal of the netlist.
    pub fn drive_by_operand(&mut self, wire: Node, operand: Signal) -> Result<(), NetlistError> {
        self.set(wire, Driver::Operand(operand), self.place(wire))
    }

    /// Marks a wire as an input that has no value.
    pub fn drive_by_nobody(&mut self, wire: Node) -> Result<(), NetlistError> {
        self.set(wire, Driver::Foreign, self.place(wire))
    }

    fn set(&mut self, wire: Node, driver: Driver, at: Place) -> Result<(), NetlistError> {
        let old = &mut self.drivers[wire as usize];
        if matches!(old, Driver::Nothing) {
            *old = driver;
            return Ok(());
        }
        Err(NetlistError::MultiplyDriven { at, net: self.name(wire), declared: self.place(wire) })
    }

    fn wire_of(&self, node: Node) -> Option<&Wire> {
        let place = self.wires.partition_point(|wire| wire.first <= node);
        let wire = &self.wires[place.checked_sub(1)?];
        let width = wire.range.map_or(1, Range::width);
        ((node - wire.first) < width as Node).then_some(wire)
    }

    /// The name of a wire's bit.
    pub fn name(&self, node: Node) -> String {
        match self.wire_of(node) {
            Some(Wire { name, range: Some(range), first, .. }) => {
                format!("{name}[{}]", range.index((node - first) as usize))
            }
            Some(wire) => wire.name.clone(),
            None => "of an expression".to_owned(),
        }
    }

    pub(super) fn place(&self, node: Node) -> Place {
        self.wire_of(node).map_or(Place::Json, |wire| wire.at)
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.drivers.len()
    }

    pub(super) fn driver(&self, node: Node) -> Driver {
        self.drivers[node as usize]
    }

    /// What the product depends on, in order; everything else is left out. An x that does not
    /// reach the product is taken for 0.
    pub fn netlist(&self, outputs: &[Node; OUTPUTS]) -> Result<Netlist, NetlistError> {
        let mut builder = NetlistBuilder::default();
        let mut signals = vec![UNSEEN; self.drivers.len()];
        // The nodes whose inputs are being visited, the innermost last.
        let mut path: Vec<Node> = Vec::new();
        let mut order: Vec<Node> = Vec::new();
        for &output in outputs {
            if signals[output as usize] == UNSEEN {
                signals[output as usize] = OPEN;
                path.push(output);
            }
            while let Some(&node) = path.last() {
                let missing = self.inputs(node).find(|&input| signals[input as usize] >= OPEN);
                match missing {
                    Some(input) if signals[input as usize] == OPEN => {
                        return Err(self.loop_error(&path, input));
                    }
                    Some(input) => {
                        signals[input as usize] = OPEN;
                        path.push(input);
                    }
                    None => {
                        signals[node as usize] = self.emit(node, &signals, &mut builder)?;
                        order.push(node);
                        path.pop();
                    }
                }
            }
        }
        if order.iter().any(|&node| matches!(self.driver(node), Driver::Unknown)) {
            self.check_unknown(&order, outputs)?;
        }
        Ok(builder.finish(outputs.map(|output| signals[output as usize])))
    }

    pub(super) fn inputs(&self, node: Node) -> impl Iterator<Item = Node> {
        let inputs = match self.drivers[node as usize] {
            Driver::Node(a) | Driver::Not(a) => [Some(a), None, None],
            Driver::And(a, b) | Driver::Or(a, b) | Driver::Xor(a, b) => [Some(a), Some(b), None],
            Driver::Mux(inputs) => inputs.map(Some),
            Driver::Nothing
            | Driver::Foreign
            | Driver::Unknown
            | Driver::Operand(_)
            | Driver::Constant(_) => [None; 3],
        };
        inputs.into_iter().flatten()
    }

    fn emit(
        &self,
        node: Node,
        signals: &[Signal],
        builder: &mut NetlistBuilder,
    ) -> Result<Signal, NetlistError> {
        let signal = |node: Node| signals[node as usize];
        Ok(match self.drivers[node as usize] {
            Driver::Nothing => {
                return Err(NetlistError::Undriven { at: self.place(node), net: self.name(node) });
            }
            Driver::Foreign => {
                let net = self.name(node);
                return Err(NetlistError::ForeignInput { at: self.place(node), net });
            }
            Driver::Operand(bit) => {
                debug_assert!((bit as usize) < INPUTS);
                bit
            }
            Driver::Node(a) => signal(a),
            Driver::Constant(value) => builder.constant(value),
            Driver::Unknown => builder.constant(false),
            Driver::Not(a) => builder.not(signal(a)),
            Driver::And(a, b) => builder.and(signal(a), signal(b)),
            Driver::Or(a, b) => builder.or(signal(a), signal(b)),
            Driver::Xor(a, b) => builder.xor(signal(a), signal(b)),
            Driver::Mux([select, high, low]) => {
                builder.mux(signal(select), signal(high), signal(low))
            }
        })
    }

    /// Names a wire on the part of the path that begins and ends at `closing`.
    fn loop_error(&self, path: &[Node], closing: Node) -> NetlistError {
        let start = path.iter().rposition(|&node| node == closing).unwrap_or(0);
        // Gates only read what was there before them, so every loop goes through a wire.
        let wire = path[start..].iter().copied().find(|&node| self.wire_of(node).is_some());
        let node = wire.unwrap_or(closing);
        NetlistError::Loop { at: self.place(node), net: self.name(node) }
    }
}
