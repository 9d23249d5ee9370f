//! LSTM, GRU and RNN written out step by step, so that their products with weights are layers.

use super::builder::{list, whole};
use super::{Builder, Known, pb};
use crate::model::attributes::{attribute, has, int, text};
use crate::model::import::node_name;
use crate::model::tensor::{self, numbers};

/// Each step is a layer, with codes and constants of its own.
const MOST_STEPS: usize = 256;
/// The weights of all steps together: 256 MiB of float32.
const MOST_WEIGHTS: usize = 1 << 26;

/// Which of them it is, and what it has for each hidden unit.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Lstm,
    Gru,
    Rnn,
}

impl Cell {
    fn of(node: &pb::NodeProto) -> Self {
        match node.op_type.as_str() {
            "LSTM" => Self::Lstm,
            "GRU" => Self::Gru,
            _ => Self::Rnn,
        }
    }

    fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Rnn => 1,
        }
    }

    /// The activations of a direction that are written out.
    fn activations(self) -> &'static [&'static str] {
        match self {
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
            Self::Gru => &["Sigmoid", "Tanh"],
            Self::Rnn => &["Tanh"],
        }
    }
}

/// The sizes of a sequence and its layer.
struct Sizes {
    steps: usize,
    batch: usize,
    hidden: usize,
    directions: usize,
    batch_first: bool,
}

impl Sizes {
    fn of(node: &pb::NodeProto, known: &[Option<Known>]) -> Option<Self> {
        let shape = |index: usize| known.get(index)?.as_ref().map(|known| &known.shape[..]);
        let (&[first, second, _], &[directions, _, hidden]) = (shape(0)?, shape(2)?) else {
            return None;
        };
        let batch_first = int(node, "layout") == Some(1);
        let (steps, batch) = if batch_first { (second, first) } else { (first, second) };
        Some(Self { steps, batch, hidden, directions, batch_first })
    }
}

/// Why such a node stays as it is, and runs in float.
pub(crate) fn kept_because(node: &pb::NodeProto, known: &[Option<Known>]) -> Option<String> {
    let input = |index: usize| known.get(index).and_then(Option::as_ref);
    let Some(sizes) = Sizes::of(node, known) else { return Some("its shapes are unknown".into()) };
    let cell = Cell::of(node);
    let activations = attribute(node, "activations").map_or(&[][..], |given| &given.strings);
    let plain = |(index, given): (usize, &Vec<u8>)| {
        let known = cell.activations();
        given.eq_ignore_ascii_case(known[index % known.len()].as_bytes())
    };
    let all_steps = |lengths: &Known| {
        let lengths: Option<Vec<usize>> = numbers::<i64>(lengths.constant.as_deref()?)
            .map(|all| all.into_iter().map(|length| length.max(0) as usize).collect());
        lengths.map(|lengths| lengths.iter().all(|&length| length == sizes.steps))
    };
    let weights = sizes.hidden.saturating_mul(sizes.hidden).saturating_mul(cell.gates());
    let weights = weights.saturating_mul(sizes.steps).saturating_mul(sizes.directions);
    let reason = if input(3).is_some_and(|bias| bias.constant.is_none()) {
        "its biases are not constant".into()
    } else if input(7).is_some() {
        "it has weights of peepholes".into()
    } else if has(node, "clip") || int(node, "input_forget").unwrap_or(0) != 0 {
        "it has the attribute clip or input_forget".into()
    } else if !activations.iter().enumerate().all(plain) {
        format!("its activations are not {}", cell.activations().join(", "))
    } else if input(4).is_some_and(|lengths| all_steps(lengths) != Some(true)) {
        "each sample has a length of its own (sequence_lens)".into()
    } else if sizes.steps == 0 || sizes.steps > MOST_STEPS {
        format!("it has {} steps, and 1 to {MOST_STEPS} are written out", sizes.steps)
    } else if weights > MOST_WEIGHTS {
        format!("its weights are {weights} for all steps, and up to {MOST_WEIGHTS} are written out")
    } else {
        return None;
    };
    Some(reason)
}

/// Writes the node out; false where [`kept_because`] says why not.
pub(super) fn unrolled(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(sizes) = Sizes::of(node, known) else { return Ok(false) };
    if kept_because(node, known).is_some() {
        return Ok(false);
    }
    let reversed = match text(node, "direction").unwrap_or("forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => {
            return Err(format!(
                "has direction \"{other}\"; expected forward, reverse or bidirectional"
            ));
        }
    };
    if reversed.len() != sizes.directions {
        return Err(format!("has weights of {} directions", sizes.directions));
    }
    let mut input = node.input[0].clone();
    if sizes.batch_first {
        input = builder.node(node, "Transpose", &[&input], vec![list("perm", &[1, 0, 2])]);
    }
    let mut layer = Layer { builder, node: node.clone(), known, cell: Cell::of(node), sizes };
    let mut directions = Vec::new();
    for (index, reversed) in reversed.into_iter().enumerate() {
        directions.push(layer.direction(&input, index, reversed));
    }
    layer.node.name = node_name(node).into();
    layer.outputs(&directions);
    Ok(true)
}

/// The states of one direction: of all steps in the order of time, and the last ones computed.
struct States {
    all: Vec<String>,
    hidden: String,
    cell: Option<String>,
}

struct Layer<'a> {
    builder: &'a mut Builder,
    /// Whose name the nodes get.
    node: pb::NodeProto,
    known: &'a [Option<Known>],
    cell: Cell,
    sizes: Sizes,
}

/// The weights of one direction.
struct Weights {
    /// `[hidden][gate][hidden]`; of a GRU whose reset comes first, its last gate apart.
    recurrent: String,
    last: Option<String>,
    /// What is added to products with the hidden state, where it is not added to those of the input.
    bias: Option<String>,
}

impl Layer<'_> {
    fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.builder.node(&self.node, operator, inputs, vec![])
    }

    /// One place of an axis, which goes.
    fn place(&mut self, of: &str, index: usize, axis: i64) -> String {
        let index = self.builder.constant(tensor::integers(&[], vec![index as i32]));
        self.builder.node(&self.node, "Gather", &[of, &index], vec![whole("axis", axis)])
    }

    /// The columns of some gates.
    fn gates(&mut self, of: &str, first: usize, count: usize) -> String {
        let hidden = self.sizes.hidden;
        let columns: Vec<usize> = (first * hidden..(first + count) * hidden).collect();
        let columns = self.builder.shape(&columns);
        self.builder.node(&self.node, "Gather", &[of, &columns], vec![whole("axis", -1)])
    }

    /// The matrix of one direction, transposed.
    fn matrix(&mut self, input: usize, direction: usize) -> String {
        let name = self.node.input[input].clone();
        let matrix = self.place(&name, direction, 0);
        let turned = vec![list("perm", &[1, 0])];
        self.builder.node(&self.node, "Transpose", &[&matrix], turned)
    }

    /// A state that the node is given, if it is not zero.
    fn initial(&mut self, input: usize, direction: usize) -> Option<String> {
        let state = self.known.get(input)?.as_ref()?;
        let constant = state.constant.as_deref().and_then(numbers::<f32>);
        if constant.is_some_and(|all| all.iter().all(|&element| element == 0.0)) {
            return None;
        }
        let name = self.node.input[input].clone();
        Some(self.place(&name, direction, i64::from(self.sizes.batch_first)))
    }

    /// Whether a GRU's reset is applied to the hidden state, not to what its weights make of it.
    fn resets_first(&self) -> bool {
        self.cell == Cell::Gru && int(&self.node, "linear_before_reset").unwrap_or(0) == 0
    }

    /// The biases of the input's products and of the hidden state's.
    fn biases(&self, direction: usize) -> Option<[Vec<f32>; 2]> {
        let all = numbers::<f32>(self.known.get(3)?.as_ref()?.constant.as_deref()?)?;
        let count = self.cell.gates() * self.sizes.hidden;
        let of_direction = all.get(2 * count * direction..2 * count * (direction + 1))?;
        let (of_input, of_hidden) = of_direction.split_at(count);
        let (mut of_input, mut of_hidden) = (of_input.to_vec(), of_hidden.to_vec());
        // Added once, but for what a GRU multiplies by its reset.
        let kept = match self.cell == Cell::Gru && !self.resets_first() {
            true => 2 * self.sizes.hidden,
            false => count,
        };
        for (sum, added) in of_input.iter_mut().zip(&mut of_hidden[..kept]) {
            *sum += std::mem::take(added);
        }
        Some([of_input, of_hidden])
    }

    fn direction(&mut self, input: &str, index: usize, reversed: bool) -> States {
        let name = node_name(&self.node).to_string();
        let way = if reversed { "reverse" } else { "forward" };
        self.node.name = format!("{name}/{way}/input");
        let weights = self.matrix(1, index);
        let mut products = self.op("MatMul", &[input, &weights]);
        let mut bias = None;
        if let Some([of_input, of_hidden]) = self.biases(index) {
            let of_input = self.builder.constant(tensor::floats(&[of_input.len()], of_input));
            products = self.op("Add", &[&products, &of_input]);
            let remains = of_hidden.iter().any(|&element| element != 0.0);
            let of_hidden = tensor::floats(&[of_hidden.len()], of_hidden);
            bias = remains.then(|| self.builder.constant(of_hidden));
        }
        let mut recurrent = self.matrix(2, index);
        let mut last = None;
        if self.resets_first() {
            last = Some(self.gates(&recurrent, 2, 1));
            recurrent = self.gates(&recurrent, 0, 2);
        }
        let weights = Weights { recurrent, last, bias };
        let (mut hidden, mut cell) = (self.initial(5, index), None);
        if self.cell == Cell::Lstm {
            cell = self.initial(6, index);
        }
        let mut all = vec![String::new(); self.sizes.steps];
        for step in 0..self.sizes.steps {
            let time = if reversed { self.sizes.steps - 1 - step } else { step };
            self.node.name = format!("{name}/{way}/{time}");
            let of_input = self.place(&products, time, 0);
            let next = match self.cell {
                Cell::Lstm => self.lstm(&of_input, hidden.as_deref(), &mut cell, &weights),
                Cell::Gru => self.gru(&of_input, hidden.as_deref(), &weights),
                Cell::Rnn => {
                    let sum = self.with_hidden(&of_input, hidden.as_deref(), &weights);
                    self.op("Tanh", &[&sum])
                }
            };
            all[time].clone_from(&next);
            hidden = Some(next);
        }
        self.node.name = name;
        States { all, hidden: hidden.unwrap_or_default(), cell }
    }

    /// The gates' products of input and hidden state together, a hidden state of zero left out.
    fn with_hidden(&mut self, of_input: &str, hidden: Option<&str>, weights: &Weights) -> String {
        let Some(hidden) = hidden else { return of_input.into() };
        let of_hidden = self.op("MatMul", &[hidden, &weights.recurrent]);
        self.op("Add", &[of_input, &of_hidden])
    }

    fn activated(&mut self, operator: &str, gates: &str, gate: usize) -> String {
        let gate = self.gates(gates, gate, 1);
        self.op(operator, &[&gate])
    }

    fn lstm(
        &mut self,
        of_input: &str,
        hidden: Option<&str>,
        cell: &mut Option<String>,
        weights: &Weights,
    ) -> String {
        let gates = self.with_hidden(of_input, hidden, weights);
        let put = self.activated("Sigmoid", &gates, 0);
        let output = self.activated("Sigmoid", &gates, 1);
        let new = self.activated("Tanh", &gates, 3);
        let mut next = self.op("Mul", &[&put, &new]);
        if let Some(cell) = cell {
            let kept = self.activated("Sigmoid", &gates, 2);
            let kept = self.op("Mul", &[&kept, cell]);
            next = self.op("Add", &[&kept, &next]);
        }
        let shown = self.op("Tanh", &[&next]);
        *cell = Some(next);
        self.op("Mul", &[&output, &shown])
    }

    fn gru(&mut self, of_input: &str, hidden: Option<&str>, weights: &Weights) -> String {
        let of_two = self.gates(of_input, 0, 2);
        let mut new = self.gates(of_input, 2, 1);
        let (two, of_new) = match (hidden, &weights.last, &weights.bias) {
            (None, _, None) => (of_two, None),
            (None, _, Some(bias)) => (of_two, Some(self.gates(bias, 2, 1))),
            (Some(_), Some(_), _) => (self.with_hidden(&of_two, hidden, weights), None),
            (Some(hidden), None, bias) => {
                let mut all = self.op("MatMul", &[hidden, &weights.recurrent]);
                if let Some(bias) = bias {
                    all = self.op("Add", &[&all, bias]);
                }
                let two = self.gates(&all, 0, 2);
                (self.op("Add", &[&of_two, &two]), Some(self.gates(&all, 2, 1)))
            }
        };
        let update = self.activated("Sigmoid", &two, 0);
        let reset = self.activated("Sigmoid", &two, 1);
        let of_new = match (of_new, hidden, &weights.last) {
            (Some(of_new), ..) => Some(self.op("Mul", &[&reset, &of_new])),
            (None, Some(hidden), Some(last)) => {
                let kept = self.op("Mul", &[&reset, hidden]);
                Some(self.op("MatMul", &[&kept, last]))
            }
            _ => None,
        };
        if let Some(of_new) = of_new {
            new = self.op("Add", &[&new, &of_new]);
        }
        let new = self.op("Tanh", &[&new]);
        // (1 - z) n + z h = n - z (n - h)
        let change = match hidden {
            Some(hidden) => self.op("Sub", &[&new, hidden]),
            None => new.clone(),
        };
        let change = self.op("Mul", &[&update, &change]);
        self.op("Sub", &[&new, &change])
    }

    fn outputs(&mut self, directions: &[States]) {
        let hidden: Vec<&str> = directions.iter().map(|states| &states.hidden[..]).collect();
        let cells: Vec<&str> =
            directions.iter().filter_map(|states| states.cell.as_deref()).collect();
        let wanted: Vec<String> = self.node.output.clone();
        let wanted = |index: usize| wanted.get(index).filter(|name| !name.is_empty());
        if let Some(output) = wanted(0) {
            let all: Vec<String> = directions
                .iter()
                .map(|states| {
                    let steps: Vec<&str> = states.all.iter().map(String::as_str).collect();
                    self.stacked(&steps, &[1, 1, self.sizes.batch, self.sizes.hidden], 0)
                })
                .collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let all = self.builder.node(&self.node, "Concat", &all, vec![whole("axis", 1)]);
            self.last(&all, &[2, 0, 1, 3], output);
        }
        for (states, output) in [(hidden, wanted(1)), (cells, wanted(2))] {
            if let Some(output) = output {
                let last = self.stacked(&states, &[1, self.sizes.batch, self.sizes.hidden], 0);
                self.last(&last, &[1, 0, 2], output);
            }
        }
    }

    /// Tensors of this shape, one behind the other along an axis.
    fn stacked(&mut self, parts: &[&str], shape: &[usize], axis: i64) -> String {
        let shape = self.builder.shape(shape);
        let parts: Vec<String> =
            parts.iter().map(|part| self.op("Reshape", &[part, &shape])).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.builder.node(&self.node, "Concat", &parts, vec![whole("axis", axis)])
    }

    /// An output, with the batch before time and directions if the node has it so.
    fn last(&mut self, value: &str, batch_first: &[i64], output: &str) {
        let (operator, attributes) = match self.sizes.batch_first {
            true => ("Transpose", vec![list("perm", batch_first)]),
            false => ("Identity", vec![]),
        };
        self.builder.last(&self.node, operator, &[value], attributes, output);
    }
}
