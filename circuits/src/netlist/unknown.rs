//! Whether a value that is x or z reaches the product, and for which operands.
//!
//! Beside each node's value stands a second signal: whether the value is unknown. It is where
//! the value would change with what an x is taken for, as far as a gate can tell from its inputs.

use super::circuit::{INPUTS, Netlist, NetlistBuilder, OUTPUTS, Signal};
use super::error::NetlistError;
use super::gates::{Gate, GateBuilder};
use super::graph::{Driver, Graph, Node};

/// A node's value, and whether it is unknown; then its value does not count.
#[derive(Clone, Copy, Default)]
struct Rails {
    value: Signal,
    unknown: Signal,
}

impl Graph {
    /// Fails if an unknown bit reaches the product for some operands. `order` has all nodes that
    /// the product needs, each after those that it reads.
    pub fn check_unknown(
        &self,
        order: &[Node],
        outputs: &[Node; OUTPUTS],
    ) -> Result<(), NetlistError> {
        let mut builder = NetlistBuilder::default();
        let mut rails = vec![Rails::default(); self.len()];
        for &node in order {
            rails[node as usize] = self.rails(node, &rails, &mut builder);
        }
        let netlist = builder.finish(outputs.map(|output| rails[output as usize].unknown));
        let unknown = netlist.products();
        let Some(pair) = unknown.iter().position(|&bits| bits != 0) else { return Ok(()) };
        let bit = unknown[pair].trailing_zeros() as usize;
        let [a, b] = (pair as u16).to_be_bytes();
        let source = self.source_of_x(outputs[bit], &rails, &netlist.signals(a, b));
        let (at, source_of_x) = (self.place(source), self.name(source));
        Err(NetlistError::Unknown { at, source_of_x, bit, a, b })
    }

    fn rails(&self, node: Node, rails: &[Rails], builder: &mut NetlistBuilder) -> Rails {
        let of = |node: Node| rails[node as usize];
        let known = |value: Signal, builder: &mut NetlistBuilder| Rails {
            value,
            unknown: builder.constant(false),
        };
        match self.driver(node) {
            // Whoever found the order has refused the first two.
            Driver::Nothing | Driver::Foreign | Driver::Unknown => {
                Rails { value: builder.constant(false), unknown: builder.constant(true) }
            }
            Driver::Operand(bit) => known(bit, builder),
            Driver::Constant(value) => {
                let value = builder.constant(value);
                known(value, builder)
            }
            Driver::Node(a) => of(a),
            Driver::Not(a) => Rails { value: builder.not(of(a).value), ..of(a) },
            Driver::And(a, b) => {
                let value = builder.and(of(a).value, of(b).value);
                // A known 0 decides.
                let decides = |x: Rails, builder: &mut NetlistBuilder| {
                    let may_be_one = builder.or(x.value, x.unknown);
                    builder.not(may_be_one)
                };
                undecided(value, of(a), of(b), decides, builder)
            }
            Driver::Or(a, b) => {
                let value = builder.or(of(a).value, of(b).value);
                // A known 1 decides.
                let decides = |x: Rails, builder: &mut NetlistBuilder| {
                    let known = builder.not(x.unknown);
                    builder.and(x.value, known)
                };
                undecided(value, of(a), of(b), decides, builder)
            }
            Driver::Xor(a, b) => Rails {
                value: builder.xor(of(a).value, of(b).value),
                unknown: builder.or(of(a).unknown, of(b).unknown),
            },
            Driver::Mux([select, high, low]) => {
                let (select, high, low) = (of(select), of(high), of(low));
                let chosen = builder.mux(select.value, high.unknown, low.unknown);
                // Where the choice is unknown, both have to be known and the same.
                let differ = builder.xor(high.value, low.value);
                let unknown = builder.or(high.unknown, low.unknown);
                let either = builder.or(differ, unknown);
                Rails {
                    value: builder.mux(select.value, high.value, low.value),
                    unknown: builder.mux(select.unknown, either, chosen),
                }
            }
        }
    }

    /// The unknown bit that makes a node unknown, with the signals that its operands give.
    fn source_of_x(&self, mut node: Node, rails: &[Rails], signals: &[bool]) -> Node {
        let is_unknown = |node: &Node| signals[rails[*node as usize].unknown as usize];
        // A gate is unknown by one of its inputs, all of which come before it.
        while let Some(input) = self.inputs(node).find(is_unknown) {
            node = input;
        }
        node
    }
}

/// Of a gate that one input decides: unknown where one is and the other does not decide.
fn undecided(
    value: Signal,
    a: Rails,
    b: Rails,
    decides: impl Fn(Rails, &mut NetlistBuilder) -> Signal,
    builder: &mut NetlistBuilder,
) -> Rails {
    let either = builder.or(a.unknown, b.unknown);
    let by_a = decides(a, builder);
    let by_b = decides(b, builder);
    let decided = builder.or(by_a, by_b);
    let open = builder.not(decided);
    Rails { value, unknown: builder.and(either, open) }
}

impl Netlist {
    /// The values of all signals for one pair of operands.
    fn signals(&self, a: u8, b: u8) -> Vec<bool> {
        let bits = |byte: u8| (0..8).map(move |bit| byte >> bit & 1 == 1);
        let mut values: Vec<bool> = bits(a).chain(bits(b)).collect();
        debug_assert_eq!(values.len(), INPUTS);
        for &gate in self.gates() {
            let of = |signal: Signal| values[signal as usize];
            values.push(match gate {
                Gate::Constant(value) => value,
                Gate::Not(a) => !of(a),
                Gate::And(a, b) => of(a) & of(b),
                Gate::Or(a, b) => of(a) | of(b),
                Gate::Xor(a, b) => of(a) ^ of(b),
                Gate::Mux { select, high, low } => of(if of(select) { high } else { low }),
            });
        }
        values
    }
}
