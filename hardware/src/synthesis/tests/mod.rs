mod designs;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use recoup_kernels::WeightCoding::{self, Signed, Unsigned};

use recoup_circuits::program::Limits;
use recoup_core::watch::{Unwatched, Watch};

use super::polarity;
use super::run::{Step, Yosys, version_within};
use super::{SynthesisError, SynthesisOptions, check_products, synthesize};
use crate::cells::CellLibrary;
use crate::rtl::{File, MultiplierCircuit, Sources};

/// The library of Debian's package qflow-tech-osu018.
const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

fn osu018_text() -> String {
    std::fs::read_to_string(OSU018)
        .unwrap_or_else(|error| panic!("{OSU018}: {error}; apt install qflow-tech-osu018"))
}

fn osu018() -> CellLibrary {
    CellLibrary::parse(&osu018_text()).unwrap()
}

fn circuit(multiplier: &str, coding: WeightCoding) -> MultiplierCircuit {
    MultiplierCircuit::new(&multiplier.parse().unwrap(), coding).unwrap()
}

fn exact() -> Sources {
    Sources::multiplier(&circuit("exact", Unsigned))
}

/// All products of several multipliers, on these cells.
fn multiplies(library: &CellLibrary) {
    let options = SynthesisOptions::new(library);
    let multipliers = [("exact", Unsigned), ("exact", Signed), ("truncated:7", Unsigned)];
    for (name, coding) in multipliers {
        let circuit = circuit(name, coding);
        let sources = Sources::multiplier(&circuit);
        let result = synthesize(&sources, library, &options, &Unwatched).unwrap();
        check_products(&result.netlist, library, &circuit).unwrap();
        let adders = result.netlist.cell_counts(library).get("FAX1").copied().unwrap_or(0);
        let has_cell = library.full_adder(&[library.by_name["FAX1"]]).is_some();
        let in_source = sources.files[0].text.matches("recoup_fa ").count();
        assert_eq!(adders, if has_cell { in_source } else { 0 });
        assert!(result.timing.fastest_clock_ps() > 0.0);
        assert!(result.verilog.contains("module multiplier"));
    }
}

/// One gate exchanged for another.
#[test]
fn a_wrong_product_is_found() {
    let library = osu018();
    let options = SynthesisOptions::new(&library);
    let mut result = synthesize(&exact(), &library, &options, &Unwatched).unwrap();
    let (and, or) = (library.by_name["NAND2X1"], library.by_name["NOR2X1"]);
    let gate = result.netlist.instances.iter_mut().find(|instance| instance.cell == and);
    gate.unwrap().cell = or;
    let found = check_products(&result.netlist, &library, &circuit("exact", Unsigned));
    assert!(matches!(found, Err(SynthesisError::Product { .. })), "{found:?}");
}

#[test]
fn the_mapped_multiplier_gives_all_products() {
    multiplies(&osu018());
}

/// With full and half adders that have inverted outputs, as ASAP7's.
#[test]
fn inverted_adders_give_all_products_too() {
    let text = osu018_text();
    let mut text = text.replace("\"((A^B)^C)\"", "\"!((A^B)^C)\"");
    let at = text.find("cell (FAX1)").unwrap();
    let carry = text[at..].find("function : \"").unwrap() + at + "function : \"".len();
    let end = text[carry..].find('"').unwrap() + carry;
    let (before, after) = (text[carry..end].to_owned(), end);
    text.replace_range(carry..after, &format!("!({before})"));
    let library = CellLibrary::parse(&text).unwrap();
    let adder = library.full_adder(&[library.by_name["FAX1"]]).unwrap();
    assert!(adder.sum_inverted && adder.carry_inverted);
    multiplies(&library);
}

/// Without adders, as IHP's library.
#[test]
fn without_adder_cells_gates_give_all_products() {
    let text = osu018_text();
    let mut library = CellLibrary::parse(&text).unwrap();
    for cell in &mut library.cells {
        if ["FAX1", "HAX1"].contains(&cell.name.as_str()) {
            let output = cell.inputs;
            cell.pins[output].function = cell.pins[output + 1].function;
        }
    }
    multiplies(&library);
}

#[test]
fn units_are_kept_and_their_areas_add_up() {
    let library = osu018();
    let options = SynthesisOptions::new(&library);
    let result = synthesize(&designs::pair(), &library, &options, &Unwatched).unwrap();
    let units = result.netlist.units(&library);
    let names: Vec<&str> = units.iter().map(|unit| unit.unit.as_str()).collect();
    assert_eq!(names, ["pe_0_0", "pe_0_1"]);
    assert_eq!(units[0].flip_flops, 36);
    // Both are the same module.
    assert_eq!((units[0].area_um2, units[0].cells), (units[1].area_um2, units[1].cells));
    let sum: f64 = units.iter().map(|unit| unit.area_um2).sum();
    assert!((sum - result.netlist.area_um2(&library)).abs() < 1e-6);
    // A constant output goes through two levels of modules.
    let on = result.netlist.outputs.iter().find(|port| port.name == "on").unwrap();
    assert_eq!(on.nets, [1]);
    let path = &result.timing.critical;
    assert!(path.points.len() > 3 && path.setup_ps > 0.0);
    let in_order = path.points.windows(2).all(|pair| pair[0].arrival_ps <= pair[1].arrival_ps);
    assert!(in_order, "{path:?}");
}

#[test]
fn a_second_run_comes_from_the_cache_and_other_options_do_not() {
    let library = osu018();
    let folder = tempfile::tempdir().unwrap();
    let mut options = SynthesisOptions::new(&library);
    options.cache = Some(folder.path().join("cache"));
    let run =
        |options: &SynthesisOptions| synthesize(&exact(), &library, options, &Unwatched).unwrap();
    let first = run(&options);
    assert!(!first.cached);
    let second = run(&options);
    assert!(second.cached);
    assert_eq!(first.verilog, second.verilog);
    assert_eq!(first.timing.fastest_clock_ps(), second.timing.fastest_clock_ps());
    assert_eq!(std::fs::read_dir(folder.path().join("cache")).unwrap().count(), 2);
    options.clock_ps = Some(2000.0);
    assert!(!run(&options).cached);
}

/// With less patience than users have.
#[test]
fn sources_without_end_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let text = "module m(input [7:0] a, output reg q); integer i; always @* begin q = 0; \
                for (i = 0; i < 2000000000; i = i + 1) q = q ^ a[0]; end endmodule";
    std::fs::write(folder.path().join("m.sv"), text).unwrap();
    let limits = Limits { time: Duration::from_secs(2), memory_mib: 512, file_mib: 1 };
    let yosys = Yosys {
        program: std::path::Path::new("yosys"),
        folder: folder.path(),
        watch: &Unwatched,
        limits: Some(limits),
    };
    let script = "read_verilog -sv m.sv\nhierarchy -top m\nproc\n";
    let message = yosys.run(Step::Elaborate, "e.ys", script).unwrap_err().to_string();
    let stopped = message.ends_with("it was stopped after 2 s")
        || message.ends_with("it ran out of memory, of which it may have 0.5 GiB");
    assert!(message.starts_with("yosys failed while elaborating: ") && stopped, "{message}");
}

thread_local! {
    static REMARKS: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// What was remarked since the last time.
fn remarks() -> Vec<String> {
    REMARKS.with_borrow_mut(std::mem::take)
}

#[test]
fn an_entry_of_the_cache_with_other_content_is_made_again() {
    use std::io::Write;
    let library = osu018();
    let folder = tempfile::tempdir().unwrap();
    let mut options = SynthesisOptions::new(&library);
    options.cache = Some(folder.path().to_owned());
    options.remark = |text| REMARKS.with_borrow_mut(|remarks| remarks.push(text.to_owned()));
    let sources = Sources {
        top: "m".to_owned(),
        files: vec![File::new(
            "m.sv",
            "module m(input a, output y); assign y = !a; endmodule".to_owned(),
        )],
    };
    let run = || synthesize(&sources, &library, &options, &Unwatched).unwrap();
    let first = run();
    assert!(!first.cached && run().cached && remarks().is_empty());
    let entry = |extension: &str| {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        files.into_iter().find(|path| path.to_string_lossy().ends_with(extension)).unwrap()
    };
    let gzipped = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let (json, verilog) = (entry(".json.gz"), entry(".v.gz"));
    let whole = std::fs::read(&json).unwrap();
    let cases = [
        (&json, gzipped("{}"), "it has no digest"),
        (&json, gzipped(""), "it has no digest"),
        (&verilog, whole.clone(), "its digest differs"),
        (&json, [&whole[..], b"more"].concat(), "bytes follow its gzipped data"),
        (&json, whole[..whole.len() - 9].to_vec(), ""),
        (&json, b"garbage, and more of it".to_vec(), "invalid gzip header"),
    ];
    for (path, content, reason) in cases {
        std::fs::write(path, content).unwrap();
        let again = run();
        assert!(!again.cached && again.verilog == first.verilog, "{reason}");
        let said = remarks();
        let [said] = &said[..] else { panic!("{said:?}") };
        let start = format!("{}: is not what was kept there (", path.display());
        assert!(said.starts_with(&start) && said.contains(reason), "{said}");
        assert!(run().cached && remarks().is_empty(), "{reason}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    // What cannot be kept is a result all the same.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    options.cache = Some(file.join("cache"));
    assert!(!synthesize(&sources, &library, &options, &Unwatched).unwrap().cached);
    assert!(remarks()[0].contains("file/cache: results cannot be kept there: "));
}

#[cfg(unix)]
#[test]
fn a_program_that_is_not_yosys_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let library = osu018();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("yosys");
    let options = SynthesisOptions { yosys: program.clone(), ..SynthesisOptions::new(&library) };
    let version = "[ \"$1\" = -V ] && echo Yosys 0 && exit";
    let cases = [
        ("echo something", "it said \"something\""),
        ("exit 3", "yosys failed while telling its version: exit status: 3"),
        (&format!("{version}; exit 0"), "its netlist.v cannot be read: No such file"),
        (
            &format!("{version}; echo garbage > netlist.json; echo > netlist.v"),
            "the netlist is not what yosys' write_json gives: expected value",
        ),
        (
            &format!("{version}; mkfifo netlist.v; exit 0"),
            "its netlist.v cannot be read: found a pipe (FIFO)",
        ),
        (
            &format!("{version}; printf \"no \\033 licence\" >&2; exit 3"),
            r"yosys failed while elaborating: no \u{1b} licence",
        ),
        (
            &format!("{version}; echo bad_alloc >&2; exit 3"),
            "it ran out of memory, of which it may have 8 GiB",
        ),
    ];
    for (script, expected) in cases {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let message = synthesize(&exact(), &library, &options, &Unwatched).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    }
    // One that never answers, with less patience.
    std::fs::write(&program, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    let limits = Limits { time: Duration::from_secs(1), memory_mib: 1024, file_mib: 1 };
    let message = version_within(&program, limits).unwrap_err().to_string();
    assert_eq!(message, "yosys failed while telling its version: it was stopped after 1 s");
}

#[test]
fn errors_say_what_to_do() {
    let library = osu018();
    let options = || SynthesisOptions::new(&library);
    let module = |text: &str| Sources {
        top: "m".to_owned(),
        files: vec![File::new("m.sv", text.to_owned())],
    };
    let inverter = "module m(input a, output y); assign y = !a; endmodule";
    let fails = |sources: &Sources, options: &SynthesisOptions, expected: &str| {
        let message = synthesize(sources, &library, options, &Unwatched).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    };
    for clock_ps in [0.0, -1.0, f64::NAN] {
        let options = SynthesisOptions { clock_ps: Some(clock_ps), ..options() };
        fails(&module(inverter), &options, "expected more than 0");
    }
    let missing = SynthesisOptions { yosys: PathBuf::from("/nowhere/yosys"), ..options() };
    fails(&module(inverter), &missing, "apt install yosys");
    fails(&module("module m(input a"), &options(), "m.sv:1: ERROR");
    fails(&module("module other(input a); endmodule"), &options(), "Module `m' not found");
    let latch = "module m(input a, e, output reg y); always @* if (e) y = a; endmodule";
    fails(&module(latch), &options(), "1 cells are not mapped onto the library");
    let looped = "module m(input a, output y); wire z; assign y = !(a & z); assign z = !(y & a); \
                  endmodule";
    fails(&module(looped), &options(), "combinational loop through");
    let sources = Sources { top: "m; shell".to_owned(), ..module(inverter) };
    fails(&sources, &options(), "expected letters, digits and underscores");
    for (pattern, function) in
        [("DFF*", "D flip-flop"), ("INV*", "inverter"), ("[NAO]*2X*", "of two inputs")]
    {
        let dont_use = vec![glob::Pattern::new(pattern).unwrap()];
        fails(&module(inverter), &SynthesisOptions { dont_use, ..options() }, function);
    }
}

/// Has enough as soon as something is being done.
struct Impatient(AtomicUsize);

impl Watch for Impatient {
    fn begin(&self, what: &'static str, steps: usize) {
        assert_eq!((what, steps), ("elaborating", 0));
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn advance(&self, _: usize) {}

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn a_run_can_be_stopped() {
    let library = osu018();
    let start = Instant::now();
    let watch = Impatient(AtomicUsize::new(0));
    let options = SynthesisOptions::new(&library);
    let result = synthesize(&exact(), &library, &options, &watch);
    assert!(matches!(result, Err(SynthesisError::Stopped(_))), "{result:?}");
    assert_eq!(watch.0.into_inner(), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn adders_alternate_between_bits_and_inverted_bits() {
    // A chain of four: every second one is to be inverted, and no inverter is left.
    let cell = |inputs: [u32; 3], outputs: [u32; 2]| {
        let [a, b, c] = inputs;
        let [s, co] = outputs;
        format!(
            "{{\"type\": \"recoup_fa\", \"connections\": {{\"a\": [{a}], \"b\": [{b}], \"c\": \
             [{c}], \"s\": [{s}], \"co\": [{co}]}}}}"
        )
    };
    let chain = [([2, 3, 4], [5, 6]), ([5, 6, 7], [8, 9]), ([8, 9, 2], [10, 11])];
    let cells: Vec<String> = chain
        .iter()
        .enumerate()
        .map(|(place, (inputs, outputs))| format!("\"u{place}\": {}", cell(*inputs, *outputs)))
        .collect();
    let cells = cells.join(", ");
    let json = format!("{{\"modules\": {{\"m\": {{\"ports\": {{}}, \"cells\": {{{cells}}}}}}}}}");
    assert_eq!(polarity::choose(json.as_bytes(), None).unwrap(), ["m/u1"]);
}
