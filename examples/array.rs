//! An array of approximate multipliers with its control variate as Verilog, and what it costs.

use std::error::Error;
use std::path::Path;

use recoup::design::WeightScheme;
use recoup::silicon::{RtlOptions, cost, rtl};
use recoup::{DataSpec, Design, Multiplier, Session, SessionOptions, Unwatched};

/// Writes the array into a folder.
pub fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    let data: DataSpec = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz".parse()?;
    let preprocess = "fashion-mnist".parse()?;
    let options = SessionOptions { preprocess, images: Some(2), ..SessionOptions::new(data) };
    let mut session = Session::open("zoo/assets/fashion-resnet8.onnx", options)?;
    let experiment = session.experiment(WeightScheme::U8Channel, &Unwatched)?;

    let design = Design::from("truncated:7".parse::<Multiplier>()?);
    let (images, options) = (session.inputs(2)?, RtlOptions::new(4, 4));
    let array = rtl(&experiment, &design, &images, &options, &Unwatched)?;
    for file in &array.files {
        std::fs::write(folder.join(&file.name), &file.text)?;
        println!("{}", file.name);
    }
    // The table inside has arrays of 16, 32 and 64 rows; no tools are needed.
    let found = [cost(&Design::exact(8), None, 16), cost(&design, array.control.as_ref(), 16)];
    for cost in found.into_iter().flatten() {
        let (name, energy_fj) = (&cost.design.multiplier, cost.energy_fj);
        println!("{name}: {} µm², {energy_fj} fJ per MAC", cost.area_um2);
    }
    Ok(())
}

/// Into one where it is run.
pub fn main() -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all("array")?;
    write(Path::new("array"))
}
