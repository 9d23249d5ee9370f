//! The design with the least power that loses less than five points.

use recoup::search::Store;
use recoup::{DataSpec, ExploreOptions, Limit, Session, SessionOptions, Unwatched};

/// Prints the answer, and how sure it is.
pub fn main() -> recoup::Result<()> {
    let data: DataSpec = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,\
                          zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz"
        .parse()?;
    let preprocess = "fashion-mnist".parse()?;
    let options = SessionOptions { preprocess, images: Some(300), ..SessionOptions::new(data) };
    let session = Session::open("zoo/assets/fashion-resnet8.onnx", options)?;

    // Results are kept: with Store::open(path) another run goes on from there.
    let mut store = Store::in_memory()?;
    let found = session.explore(&mut store, &ExploreOptions::new(Limit::new(5.0)?), &Unwatched)?;
    for sentence in found.answers()[0].sentences() {
        println!("{sentence}");
    }
    println!("The search ended: {}.", found.ended);
    Ok(())
}
