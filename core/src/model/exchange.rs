//! Products of two activations with their operands exchanged: what streamed is loaded, what was loaded
//! streams.

use std::ops::Range;

use recoup_kernels::ConvShape;

use super::import::movement;
use super::{Graph, Mac, Node, NodeKind, Operand, ValueId};

/// A graph whose layers may have their operands exchanged.
pub(crate) struct Exchanged {
    /// The graph.
    pub graph: Graph,
    /// What the values behind those of the original are, in another order.
    pub copies: Vec<ValueId>,
}

impl Graph {
    /// The same network with the operands of some layers exchanged, in the order of [`Graph::macs`]:
    /// (A B)' = B' A'. Only products of two activations can be; what they are stays.
    pub(crate) fn exchanged(&self, layers: &[bool]) -> Exchanged {
        let graph = Self { nodes: Vec::new(), ..self.clone() };
        let mut made = Exchanged { graph, copies: Vec::new() };
        let mut layers = layers.iter();
        for node in &self.nodes {
            match &node.kind {
                NodeKind::Mac(mac) => match (layers.next(), &mac.loaded) {
                    (Some(true), &Operand::Value { factor, operand }) => {
                        let loaded = Operand::Value { factor, operand: operand.other() };
                        made.push_exchanged(node, &mac.shape, loaded);
                    }
                    _ => made.graph.nodes.push(node.clone()),
                },
                _ => made.graph.nodes.push(node.clone()),
            }
        }
        made
    }
}

impl Exchanged {
    /// A layer that loads what streamed: `[matrix][row][depth]` of `[row][matrix][depth]`. What was
    /// loaded streams, `[column][matrix][depth]` of `[matrix][column][depth]`, and the result is
    /// `[column][matrix][row]`.
    fn push_exchanged(&mut self, node: &Node, shape: &ConvShape, operand: Operand) {
        let (matrices, rows, depth) = (shape.groups, shape.positions(), shape.depth());
        let columns = shape.filters_per_group();
        let (streamed, loaded, result) = (node.inputs[0], node.inputs[1], node.outputs[0]);
        let load = self.copy(streamed, vec![matrices * rows, depth]);
        self.push_order(
            node,
            streamed,
            load,
            turned([matrices, rows], |[matrix, row]| {
                (row * matrices + matrix) * depth..(row * matrices + matrix + 1) * depth
            }),
        );
        let stream = self.copy(loaded, vec![columns, matrices * depth]);
        self.push_order(
            node,
            loaded,
            stream,
            turned([columns, matrices], |[column, matrix]| {
                (matrix * columns + column) * depth..(matrix * columns + column + 1) * depth
            }),
        );
        let shape = ConvShape {
            groups: matrices,
            ..ConvShape::linear(columns, matrices * depth, matrices * rows)
        };
        let product = self.copy(result, vec![columns * matrices, rows]);
        let bias = vec![0.0; shape.filters];
        self.graph.nodes.push(Node {
            kind: NodeKind::Mac(Box::new(Mac { shape, bias, loaded: operand })),
            inputs: vec![stream, load],
            outputs: vec![product],
            ..node.clone()
        });
        self.push_order(
            node,
            product,
            result,
            turned([rows * matrices, columns], |[at, column]| {
                let place = (column * matrices + at % matrices) * rows + at / matrices;
                place..place + 1
            }),
        );
    }

    /// A value that is this one in another order.
    fn copy(&mut self, of: ValueId, shape: Vec<usize>) -> ValueId {
        let mut value = self.graph.values[of].clone();
        value.name.push_str("/exchanged");
        value.shape = shape;
        self.graph.values.push(value);
        self.copies.push(of);
        self.graph.values.len() - 1
    }

    /// A node that takes the elements of a matrix in this order.
    fn push_order(
        &mut self,
        node: &Node,
        from: ValueId,
        to: ValueId,
        elements: impl Iterator<Item = usize>,
    ) {
        let runs = movement::gathered(&self.graph.values[from].shape, elements);
        self.graph.nodes.push(Node {
            name: node.name.clone(),
            operator: "(layout)".into(),
            kind: NodeKind::Movement(runs),
            inputs: vec![from],
            outputs: vec![to],
            source: None,
        });
    }
}

/// Elements from the places that `of` says for each pair of numbers below these, the second fastest.
fn turned(
    [first, second]: [usize; 2],
    of: impl Fn([usize; 2]) -> Range<usize> + Copy,
) -> impl Iterator<Item = usize> {
    (0..first).flat_map(move |one| (0..second).flat_map(move |two| of([one, two])))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use recoup_kernels::Isa;

    use crate::accuracy::Experiment;
    use crate::emulate::{Network, Prepared, class_scores};
    use crate::model::{OnnxFile, load};
    use crate::multiplier::Multiplier;
    use crate::quantize::{Method, Quantized, WeightScheme, Widths};

    /// With exact products it does not matter which operand is loaded, to the last bit.
    #[test]
    fn exact_products_are_the_same_whichever_operand_is_loaded() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference/attention.onnx");
        let file = OnnxFile::open(&path).unwrap();
        let graph = Arc::new(load(&file, None).unwrap());
        let pixel = |image: usize, at: usize| ((image * 31 + at * 7) % 23) as f32 / 23.0 - 0.4;
        let elements = graph.input_elements();
        let image = |image: usize| (0..elements).map(|at| pixel(image, at)).collect();
        let images: Vec<Vec<f32>> = (0..3).map(image).collect();
        let origin = (String::new(), String::new());
        let calibration =
            Experiment::calibrate(&file.path, &graph, &images, Method::MinMax, origin, &|_| {})
                .unwrap();
        let products: Vec<bool> = graph.macs().map(|(_, mac)| mac.loads_value()).collect();
        let numbers = (0..products.len()).filter(|&layer| products[layer]);
        let mut ways: Vec<Vec<bool>> =
            numbers.map(|one| (0..products.len()).map(|layer| layer == one).collect()).collect();
        assert_eq!(ways.len(), 2);
        ways.push(products);
        for scheme in [WeightScheme::U8Channel, WeightScheme::I8Channel] {
            let quantized =
                Quantized::new(graph.clone(), &calibration, scheme, Widths::FULL).unwrap();
            let outputs = |quantized: Quantized| {
                let prepared = Prepared::new(quantized, Isa::best());
                let network = Network::new(&prepared, &Multiplier::exact(), None).unwrap();
                class_scores(&network, &images, &|_| {}).unwrap()
            };
            let expected = outputs(quantized.clone());
            for way in &ways {
                let exchanged = quantized.exchanged(way);
                let first: Vec<bool> =
                    exchanged.graph.macs().map(|(_, mac)| mac.loads_first()).collect();
                assert_eq!(first, *way);
                assert_eq!(outputs(exchanged), expected, "{way:?}");
            }
        }
    }
}
