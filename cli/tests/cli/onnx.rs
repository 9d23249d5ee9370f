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
const EXTERNAL: u64 = 1;

impl Model {
    pub fn bytes(&self) -> Vec<u8> {
        let node = [
            bytes(1, b"image"),
            bytes(1, b"weights"),
            bytes(2, b"scores"),
            bytes(3, b"classify"),
            bytes(4, self.operator.as_bytes()),
        ];
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
            bytes(1, &node.concat()),
            bytes(2, b"tiny"),
            bytes(5, &weights.concat()),
            bytes(11, &tensor("image", &input)),
            bytes(12, &tensor("scores", &[batch, Size::Fixed(classes)])),
        ];
        let opset = number(2, self.opset);
        [number(1, 8), bytes(7, &graph.concat()), bytes(8, &opset)].concat()
    }
}

/// A ValueInfoProto.
fn tensor(name: &str, sizes: &[Size]) -> Vec<u8> {
    let dims = sizes.iter().map(|size| {
        let dim = match size {
            Size::Fixed(size) => number(1, *size),
            Size::Named(name) => bytes(2, name.as_bytes()),
        };
        bytes(1, &dim)
    });
    let shape: Vec<u8> = dims.flatten().collect();
    let tensor_type = [number(1, FLOAT), bytes(2, &shape)].concat();
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
