//! Writes tiny ONNX models, so that every defect of a model can be made here instead of lying
//! in the repo as bytes. Field numbers are those of onnx.proto.

/// One MatMul: `scores = image x weights`.
pub struct Model {
    pub opset: u64,
    /// Sizes of the input after the batch, which is dynamic.
    pub input: Vec<Size>,
    /// Inputs by classes.
    pub weights_shape: [usize; 2],
    pub weights: Vec<f32>,
    /// File that holds the weights, instead of the model.
    pub external: Option<&'static str>,
    /// Operator of the node.
    pub operator: &'static str,
}

/// A dimension: a number, or a name for what is known later only.
#[derive(Clone, Copy)]
pub enum Size {
    Fixed(u64),
    Named(&'static str),
}

impl Default for Model {
    fn default() -> Self {
        Self {
            opset: 17,
            input: vec![Size::Fixed(4)],
            weights_shape: [4, 10],
            weights: (0..40).map(|i| (i * 7 % 11) as f32 / 11.0 - 0.5).collect(),
            external: None,
            operator: "MatMul",
        }
    }
}

const FLOAT: u64 = 1;
const INT64: u64 = 7;
const EXTERNAL: u64 = 1;

impl Model {
    pub fn bytes(&self) -> Vec<u8> {
        let node = node("classify", self.operator, ["image", "weights"], "scores");
        let [inputs, classes] = self.weights_shape.map(|size| size as u64);
        let mut weights =
            vec![number(1, inputs), number(1, classes), number(2, FLOAT), bytes(8, b"weights")];
        match self.external {
            Some(file) => {
                let location = [bytes(1, b"location"), bytes(2, file.as_bytes())].concat();
                weights.push(bytes(13, &location));
                weights.push(number(14, EXTERNAL));
            }
            None => {
                let raw: Vec<u8> = self.weights.iter().flat_map(|w| w.to_le_bytes()).collect();
                weights.push(bytes(9, &raw));
            }
        }
        let batch = Size::Named("batch");
        let input: Vec<_> = [batch].iter().chain(&self.input).copied().collect();
        let graph = [
            bytes(1, &node),
            bytes(2, b"tiny"),
            bytes(5, &weights.concat()),
            bytes(11, &tensor("image", FLOAT, &input)),
            bytes(12, &tensor("scores", FLOAT, &[batch, Size::Fixed(classes)])),
        ];
        model(&graph.concat(), self.opset)
    }
}

/// `scores = scale * (table[ids] x weights)`, of two ids below 6, which are int64.
pub fn embedding() -> Vec<u8> {
    let constant = |name: &str, shape: [u64; 2]| {
        let values = (0..shape[0] * shape[1]).map(|i| (i * 7 % 11) as f32 / 11.0 - 0.5);
        let raw: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
        let [rows, columns] = shape.map(|size| number(1, size));
        [rows, columns, number(2, FLOAT), bytes(8, name.as_bytes()), bytes(9, &raw)].concat()
    };
    let fixed = |sizes: &[u64]| sizes.iter().map(|&size| Size::Fixed(size)).collect::<Vec<_>>();
    let graph = [
        bytes(1, &node("look", "Gather", ["table", "ids"], "rows")),
        bytes(1, &node("mix", "MatMul", ["rows", "weights"], "mixed")),
        bytes(1, &node("scaled", "Mul", ["mixed", "scale"], "scores")),
        bytes(2, b"embedding"),
        bytes(5, &constant("table", [6, 4])),
        bytes(5, &constant("weights", [4, 3])),
        bytes(11, &tensor("ids", INT64, &fixed(&[1, 2]))),
        bytes(11, &tensor("scale", FLOAT, &fixed(&[1, 1]))),
        bytes(12, &tensor("scores", FLOAT, &fixed(&[1, 2, 3]))),
    ];
    model(&graph.concat(), 17)
}

/// A ModelProto.
fn model(graph: &[u8], opset: u64) -> Vec<u8> {
    [number(1, 8), bytes(7, graph), bytes(8, &number(2, opset))].concat()
}

/// A NodeProto of two inputs.
fn node(name: &str, operator: &str, [first, second]: [&str; 2], output: &str) -> Vec<u8> {
    let fields = [(1, first), (1, second), (2, output), (3, name), (4, operator)];
    fields.iter().flat_map(|(field, text)| bytes(*field, text.as_bytes())).collect()
}

/// A ValueInfoProto.
fn tensor(name: &str, element: u64, sizes: &[Size]) -> Vec<u8> {
    let dims = sizes.iter().map(|size| {
        let dim = match size {
            Size::Fixed(size) => number(1, *size),
            Size::Named(name) => bytes(2, name.as_bytes()),
        };
        bytes(1, &dim)
    });
    let shape: Vec<u8> = dims.flatten().collect();
    let tensor_type = [number(1, element), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor_type))].concat()
}

/// A field that is a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field that is text, raw bytes or another message.
fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    while value >= 0x80 {
        encoded.push(value as u8 | 0x80);
        value >>= 7;
    }
    encoded.push(value as u8);
    encoded
}
