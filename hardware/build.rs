//! Packs the cost tables: a program that has them inside is half a megabyte smaller.

use std::fs::File;
use std::path::Path;
use std::{env, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    for name in ["costs.json", "mask_costs.json"] {
        println!("cargo:rerun-if-changed={name}");
        let packed = File::create(Path::new(&out).join(format!("{name}.gz")))?;
        let mut packed = GzEncoder::new(packed, Compression::best());
        io::copy(&mut File::open(name)?, &mut packed)?;
        packed.finish()?;
    }
    Ok(())
}
