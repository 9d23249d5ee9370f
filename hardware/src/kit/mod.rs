//! What it takes to build an array into a chip.
//!
//! Beside the array and its testbench: a data sheet, pictures, constraints, and a wrapper with
//! AXI4-Stream ports and a test of it in cocotb. All of it follows from the array's own ports and
//! delays: [`Timing`] and [`Axi`] say them once.

mod axi;
mod data_sheet;
mod description;
mod sdc;
mod timing;

pub use axi::{Axi, Field, Stream};
pub use data_sheet::file_names;
pub use timing::Timing;

use crate::rtl::{self, ArrayRtl, File, RtlError, Vectors};

/// The clock of the constraints unless another is asked for.
pub const CLOCK_PS: f64 = 1000.0;

/// All files of an array: sources, testbench with vectors, and the kit.
///
/// # Errors
/// When the vectors do not fit the design.
pub fn files(design: &ArrayRtl, vectors: &Vectors, clock_ps: f64) -> Result<Vec<File>, RtlError> {
    let mut files = rtl::files(design, vectors)?;
    let axi = Axi::of(design);
    if let Some(axi) = &axi {
        files.push(File::new("array_axi.sv", axi::array_axi(design, axi)));
        files.push(File::new("recoup_delay.sv", include_str!("recoup_delay.sv").into()));
        files.push(File::new("recoup_fifo.sv", include_str!("recoup_fifo.sv").into()));
        files.push(File::new("test_array_axi.py", include_str!("test_array_axi.py").into()));
    }
    files.push(File::new("array.f", sdc::filelist(&files)));
    files.push(sdc::array(design, clock_ps));
    files.extend(axi.iter().map(|axi| sdc::array_axi(axi, clock_ps)));
    let description = description::description(design, vectors, axi.as_ref())?;
    files.push(File::new("array.json", description));
    files.push(File::new(
        "README.md",
        data_sheet::data_sheet(design, axi.as_ref(), clock_ps, &files),
    ));
    Ok(files)
}
