//! A multiplier of one's own, here one that rounds both operands to multiples of four, on images
//! that are in memory.

use recoup::data::{MemoryArray, Pixels};
use recoup::multipliers::{Operands, ProductTable};
use recoup::{Dataset, Design, EvaluateOptions, Multiplier, Session, SessionOptions};

/// Prints how close its outputs stay to those of float32 and of exact products.
pub fn main() -> recoup::Result<()> {
    let round = |code: u8| (i32::from(code) + 2) / 4 * 4;
    let table = ProductTable::from_fn(Operands::Unsigned, |weight, activation| {
        round(weight) * round(activation)
    });
    let rounding = Multiplier::from_table("round4", &table);

    // Pictures of stripes, without labels: outputs are compared with those of float32.
    let pixels = (0..40 * 28 * 28).map(|place| (place % (place / 784 + 3) * 40) as u8).collect();
    let elements = Pixels::U8(pixels).into();
    let images = MemoryArray { name: "x".into(), shape: vec![40, 28, 28], elements };
    let options = SessionOptions {
        preprocess: "fashion-mnist".parse()?,
        images: Some(8),
        calibration_images: Some(32),
        ..SessionOptions::new(Dataset::from_arrays(vec![images], None)?)
    };
    let mut session = Session::open("zoo/assets/fashion-resnet8.onnx", options)?;
    let design = Design::from(rounding);
    let results = session.evaluate(&[design], EvaluateOptions::default(), &recoup::Unwatched)?;
    println!("{}", serde_json::to_string_pretty(&results.rows()[1]).expect("numbers and text"));
    Ok(())
}
