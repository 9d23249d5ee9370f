//! Packs the cost table: a program that has it inside is half a megabyte smaller.

use std::fs::File;
use std::path::Path;
use std::{env, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=costs.json");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    let packed = File::create(Path::new(&out).join("costs.json.gz"))?;
    let mut packed = GzEncoder::new(packed, Compression::best());
    io::copy(&mut File::open("costs.json")?, &mut packed)?;
    packed.finish()?;
    Ok(())
}
