#![allow(missing_docs)]
fn main() {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let s = std::time::Instant::now();
    match recoup_hardware::cells::CellLibrary::read(&paths) {
        Ok(l) => {
            println!("{} {} V {} cells {:?}", l.name, l.voltage_v, l.cells.len(), s.elapsed());
            for (c, r) in &l.left_out {
                println!("  out {c}: {r}");
            }
            for c in &l.cells {
                if c.flip_flop.is_some() || c.pins.len() - c.inputs != 1 {
                    println!(
                        "  {} {} µm² {} nW {:?} {:?}",
                        c.name,
                        c.area_um2,
                        c.leakage_nw,
                        c.flip_flop,
                        c.pins
                            .iter()
                            .map(|p| (
                                p.name.as_str(),
                                p.capacitance_ff,
                                p.timing.len(),
                                p.timing_from_outputs.len(),
                                p.power.len(),
                                p.function
                            ))
                            .collect::<Vec<_>>()
                    );
                }
            }
        }
        Err(e) => println!("{e}"),
    }
}
