//! A network on two approximate multipliers, each with its control variate.

use recoup::{DataSpec, Design, EvaluateOptions, Session, SessionOptions, Unwatched};

/// Prints the accuracy of each design.
pub fn main() -> recoup::Result<()> {
    let data: DataSpec = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,\
                          zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz"
        .parse()?;
    let preprocess = "fashion-mnist".parse()?;
    let options = SessionOptions { preprocess, images: Some(200), ..SessionOptions::new(data) };
    let mut session = Session::open("zoo/assets/fashion-resnet8.onnx", options)?;

    let designs: [Design; 2] =
        ["perforated:2 with V (fitted)".parse()?, "truncated:7 with V (fitted)".parse()?];
    let results = session.evaluate(&designs, EvaluateOptions::default(), &Unwatched)?;
    for row in results.rows() {
        println!("{:12} V {:8} {:?} of the images", row.multiplier, row.control_variate, row.top1);
    }
    Ok(())
}
