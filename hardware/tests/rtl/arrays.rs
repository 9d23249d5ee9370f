//! Whole arrays on random tiles: accumulators equal the emulator's, bit for bit.

use recoup_circuits::{Operands, ProductTable};
use recoup_core::control_variate::{ControlFunction, Mode};
use recoup_core::design::Design;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_hardware::kit::{CLOCK_PS, files};
use recoup_hardware::rtl::{
    ArrayRtl, ClockGating, Correction, File, MultiplierCircuit, Options, RandomSize, random,
};

use crate::tools::{folder, icarus, lint, verilator};

/// An array on random tiles: two blocks of filters, three tiles of which the last is not full.
fn random_array(
    spec: &str,
    scheme: WeightScheme,
    mode: Mode,
    size: usize,
    change: impl FnOnce(&mut Options),
) -> Vec<File> {
    let multiplier: Multiplier = spec.parse().unwrap();
    let design = Design::new(multiplier).with_control_variate(mode);
    array_of(&design, scheme, size, change)
}

fn array_of(
    design: &Design,
    scheme: WeightScheme,
    size: usize,
    change: impl FnOnce(&mut Options),
) -> Vec<File> {
    let vectors =
        RandomSize { depth: 2 * size + 1, filters: size + 2, positions: 20, loads: 0, seed: 1 };
    made_of(design, scheme, size, vectors, change)
}

/// An array that makes its constants, on other weights twice.
fn loaded_array(
    design: &Design,
    scheme: WeightScheme,
    size: usize,
    change: impl FnOnce(&mut Options),
) -> Vec<File> {
    let vectors =
        RandomSize { depth: 2 * size + 1, filters: size + 2, positions: 6, loads: 2, seed: 1 };
    made_of(design, scheme, size, vectors, |options| {
        options.load_constants = true;
        change(options);
    })
}

fn made_of(
    design: &Design,
    scheme: WeightScheme,
    size: usize,
    vectors: RandomSize,
    change: impl FnOnce(&mut Options),
) -> Vec<File> {
    let mut options = Options::new(size, size, vectors.depth);
    change(&mut options);
    let vectors = RandomSize { depth: options.depth, ..vectors };
    let (vectors, control) = random(design, scheme, vectors).unwrap();
    let circuit = MultiplierCircuit::of_design(design, None, scheme.coding()).unwrap();
    let correction = control.as_ref().map(|control| Correction::new(control).unwrap());
    let design = ArrayRtl::new(circuit, options, correction).unwrap();
    files(&design, &vectors, CLOCK_PS).unwrap()
}

fn assert_passes(files: &[File], simulate: impl Fn(&std::path::Path) -> (bool, String)) {
    let folder = folder(files);
    lint(folder.path());
    let (passed, said) = simulate(folder.path());
    assert!(passed, "{said}");
}

const FITTED: Mode = Mode::Fitted(None);

#[test]
fn arrays_of_each_family_with_and_without_v() {
    use WeightScheme::{I8Channel, U8Channel};
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    for (spec, scheme, mode, size) in [
        ("exact", U8Channel, Mode::None, 4),
        ("exact", I8Channel, Mode::None, 8),
        ("perforated:3", U8Channel, FITTED, 4),
        ("perforated:2", I8Channel, FITTED, 8),
        ("truncated:8", U8Channel, popcount, 8),
        ("truncated:8", I8Channel, popcount, 4),
        ("truncated:7", U8Channel, Mode::Paper, 4),
        ("truncated:7", I8Channel, Mode::None, 4),
        ("recursive:5", U8Channel, FITTED, 4),
        ("recursive:4", I8Channel, FITTED, 4),
        ("truncated:6", U8Channel, Mode::Fitted(Some(ControlFunction::Weighted)), 4),
        ("truncated:6", U8Channel, Mode::Constant, 4),
    ] {
        assert_passes(&random_array(spec, scheme, mode, size, |_| {}), icarus);
    }
}

#[test]
fn options_change_no_accumulator() {
    use WeightScheme::{I8Channel, U8Channel};
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    let all = |options: &mut Options| {
        options.pipeline = true;
        options.zero_gating = true;
        options.x_in_pe = true;
        options.c0_in_mac = true;
    };
    for (spec, scheme, mode, change) in [
        ("truncated:8", U8Channel, popcount, (|o| o.pipeline = true) as fn(&mut Options)),
        ("truncated:8", I8Channel, popcount, |o| o.pipeline = true),
        ("truncated:8", I8Channel, popcount, |o| o.zero_gating = true),
        ("exact", I8Channel, Mode::None, |o| o.zero_gating = true),
        ("perforated:3", U8Channel, FITTED, |o| o.x_in_pe = true),
        ("truncated:7", U8Channel, popcount, |o| o.c0_in_mac = true),
        ("truncated:7", U8Channel, Mode::Constant, |o| o.c0_in_mac = true),
        ("truncated:7", I8Channel, popcount, all),
        ("recursive:4", U8Channel, FITTED, all),
        // One tile: nothing to accumulate, and without V no MAC+ at all.
        ("exact", I8Channel, Mode::None, |o| o.depth = o.rows - 1),
        ("truncated:8", U8Channel, popcount, |o| o.depth = o.rows),
        ("truncated:8", U8Channel, popcount, |o| (o.depth, o.x_in_pe) = (o.rows, true)),
        // Not square.
        ("perforated:2", U8Channel, FITTED, |o| (o.rows, o.columns) = (7, 2)),
        ("perforated:2", U8Channel, FITTED, |o| (o.rows, o.columns) = (1, 1)),
    ] {
        assert_passes(&random_array(spec, scheme, mode, 4, change), icarus);
    }
}

/// PEs of several products, and columns that share registers: other widths, delays and skews.
#[test]
fn dot_products_change_no_accumulator() {
    use WeightScheme::{I8Channel, U8Channel};
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    let auto = Mode::Fitted(Some(ControlFunction::Auto));
    // Three tiles of which the last is not full: neither 2 nor 4 divides 9 products.
    for (spec, scheme, mode, [products, shared], change) in [
        ("exact", I8Channel, Mode::None, [4, 1], (|_| {}) as fn(&mut Options)),
        ("exact", U8Channel, Mode::None, [1, 4], |_| {}),
        ("truncated:8", U8Channel, popcount, [2, 2], |_| {}),
        ("truncated:7", I8Channel, auto, [4, 4], |_| {}),
        ("truncated:8", I8Channel, popcount, [2, 4], |o| o.pipeline = true),
        ("exact", I8Channel, Mode::None, [2, 2], |o| (o.pipeline, o.zero_gating) = (true, true)),
        ("truncated:8", U8Channel, popcount, [2, 1], |o| o.zero_gating = true),
        ("perforated:3", U8Channel, FITTED, [2, 2], |o| (o.x_in_pe, o.pipeline) = (true, true)),
        ("truncated:7", I8Channel, popcount, [4, 2], |o| o.c0_in_mac = true),
        ("truncated:7", U8Channel, Mode::Constant, [2, 2], |o| o.c0_in_mac = true),
        // One tile without MAC+, and an array of another shape.
        ("exact", I8Channel, Mode::None, [2, 4], |o| o.depth = o.rows - 1),
        ("recursive:4", U8Channel, FITTED, [8, 2], |o| (o.rows, o.columns) = (8, 6)),
    ] {
        let files = random_array(spec, scheme, mode, 4, |options| {
            (options.products_per_pe, options.share_columns) = (products, shared);
            change(options);
        });
        assert_passes(&files, icarus);
    }
}

/// Gated clocks change no accumulator either, as cells or as multiplexers; 9 products on 4 rows, and 6
/// filters on 4 columns, leave rows and columns idle.
#[test]
fn gated_clocks_change_no_accumulator() {
    use ClockGating::{Idle, Weights};
    use WeightScheme::{I8Channel, U8Channel};
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    for (spec, scheme, mode, gating, change) in [
        ("exact", I8Channel, Mode::None, Weights, (|_| {}) as fn(&mut Options)),
        ("truncated:8", U8Channel, popcount, Idle, |_| {}),
        ("truncated:8", I8Channel, popcount, Idle, |o| o.gate_cells = false),
        ("truncated:7", I8Channel, popcount, Idle, |o| {
            (o.products_per_pe, o.share_columns, o.pipeline) = (2, 2, true);
        }),
        ("exact", U8Channel, Mode::None, Idle, |o| (o.zero_gating, o.pipeline) = (true, true)),
        ("exact", I8Channel, Mode::None, Idle, |o| {
            (o.zero_gating, o.gate_cells, o.share_columns) = (true, false, 4);
        }),
        ("perforated:3", U8Channel, FITTED, Idle, |o| (o.x_in_pe, o.products_per_pe) = (true, 2)),
        ("exact", I8Channel, Mode::None, Idle, |o| (o.depth, o.products_per_pe) = (3, 4)),
    ] {
        let files = random_array(spec, scheme, mode, 4, |options| {
            options.clock_gating = gating;
            change(options);
        });
        assert_passes(&files, icarus);
    }
    // A table with errors at 0, in idle rows too, and constants that the array makes.
    let files = loaded_table(|o| (o.products_per_pe, o.clock_gating) = (1, Idle));
    assert_passes(&files, icarus);
}

/// Rows beyond the last product add p(0, 0) and x of their code; a circuit of signed operands
/// leaves 128 w to the bias.
#[test]
fn circuits_that_are_no_mask() {
    // Products of the high bits, whose circuits are small, and something in the low ones.
    let table = |operands: Operands, low: fn(u8, u8) -> u8| {
        ProductTable::from_fn(operands, |w, a| {
            operands.product(w & 0xe0, a & 0xe0) | i32::from(low(w, a))
        })
    };
    let unsigned = table(Operands::Unsigned, |w, a| 0x2a | w & a & 4);
    let signed = table(Operands::Signed, |_, _| 8);
    let signed_weight = table(Operands::SignedWeight, |_, a| a & 3);
    let auto = Mode::Fitted(Some(ControlFunction::Auto));
    for (table, scheme, mode) in [
        (unsigned, WeightScheme::U8Channel, auto),
        (signed, WeightScheme::I8Channel, Mode::None),
        (signed_weight, WeightScheme::I8Channel, auto),
    ] {
        let multiplier = Multiplier::from_table("table", &table);
        assert_eq!(multiplier.mask(), None);
        for pipeline in [false, true] {
            let design = Design::new(multiplier.clone()).with_control_variate(mode);
            let files = array_of(&design, scheme, 3, |o| o.pipeline = pipeline);
            assert_passes(&files, icarus);
        }
        let design = Design::new(multiplier).with_control_variate(mode);
        let files = array_of(&design, scheme, 2, |o| (o.products_per_pe, o.share_columns) = (2, 2));
        assert_passes(&files, icarus);
    }
}

/// Constants that the array makes of what it is loaded with are the emulator's.
#[test]
fn arrays_that_make_their_constants() {
    use WeightScheme::{I8Channel, U8Channel};
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    for (spec, scheme, mode, size, change) in [
        ("truncated:7", U8Channel, popcount, 4, (|_| {}) as fn(&mut Options)),
        ("truncated:8", I8Channel, FITTED, 3, |o| o.c0_in_mac = true),
        // One tile that is not full, and more columns than rows.
        ("perforated:2", U8Channel, FITTED, 4, |o| (o.depth, o.columns) = (3, 6)),
        ("truncated:7", U8Channel, Mode::Constant, 3, |_| {}),
        ("perforated:2", U8Channel, Mode::Paper, 3, |o| (o.pipeline, o.x_in_pe) = (true, true)),
        // Several weights of a column in a cycle, of which some do not count.
        ("truncated:7", I8Channel, popcount, 4, |o| (o.products_per_pe, o.share_columns) = (4, 2)),
    ] {
        let design = Design::new(spec.parse().unwrap()).with_control_variate(mode);
        assert_passes(&loaded_array(&design, scheme, size, change), icarus);
    }
}

/// A table whose products with weight 0 are wrong too: rows without a weight must not count.
fn loaded_table(change: impl FnOnce(&mut Options)) -> Vec<File> {
    let table = ProductTable::from_fn(Operands::Unsigned, |w, a| {
        Operands::Unsigned.product(w & 0xe0, a & 0xe0) | i32::from(0x2a | w & a & 4)
    });
    let multiplier = Multiplier::from_table("table", &table);
    let auto = Mode::Fitted(Some(ControlFunction::Auto));
    let design = Design::new(multiplier).with_control_variate(auto);
    loaded_array(&design, WeightScheme::U8Channel, 2, change)
}

/// The array is as well one for layers whose constants are known.
#[test]
fn constants_can_still_be_written() {
    let design = Design::new("truncated:7".parse().unwrap()).with_control_variate(FITTED);
    let scheme = WeightScheme::U8Channel;
    let size = RandomSize { depth: 7, filters: 4, positions: 8, loads: 1, seed: 1 };
    let (_, control) = random(&design, scheme, size).unwrap();
    let (vectors, _) = random(&design, scheme, RandomSize { loads: 0, ..size }).unwrap();
    let options =
        Options { load_constants: true, c0_in_mac: true, ..Options::new(3, 3, size.depth) };
    let correction = Correction::new(&control.unwrap()).unwrap();
    let circuit = MultiplierCircuit::of_design(&design, None, scheme.coding()).unwrap();
    let array = ArrayRtl::new(circuit.clone(), options, Some(correction.clone())).unwrap();
    assert_passes(&files(&array, &vectors, CLOCK_PS).unwrap(), icarus);
    let error =
        ArrayRtl::new(circuit, options, Some(Correction { loads: Vec::new(), ..correction }));
    assert!(error.unwrap_err().to_string().contains("no constants to make"));
}

/// Exact ones leave the other bits out; V corrects others as ever.
#[test]
fn arrays_of_codes_of_fewer_bits() {
    let truncated = Design::new("truncated:7".parse().unwrap()).with_control_variate(FITTED);
    for (design, scheme) in [
        (Design::exact(5).with_weight_bits(5), WeightScheme::U8Channel),
        (Design::exact(8).with_weight_bits(4), WeightScheme::I8Channel),
        (truncated.with_activation_bits(6).with_weight_bits(6), WeightScheme::U8Channel),
    ] {
        assert_passes(&array_of(&design, scheme, 4, |_| {}), icarus);
    }
}

// Compiling an array for Verilator takes most of a minute: one test each, so that they run side by
// side.

#[test]
fn a_pipelined_and_gated_4x4_array_in_verilator() {
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    let signed = random_array("truncated:8", WeightScheme::I8Channel, popcount, 4, |options| {
        options.pipeline = true;
        options.zero_gating = true;
    });
    assert_passes(&signed, verilator);
}

#[test]
fn constants_made_in_both_simulators() {
    let design = Design::new("truncated:7".parse().unwrap()).with_control_variate(FITTED);
    assert_passes(&loaded_array(&design, WeightScheme::I8Channel, 3, |_| {}), verilator);
    assert_passes(&loaded_table(|o| o.products_per_pe = 2), icarus);
    let files = loaded_table(|_| {});
    assert_passes(&files, icarus);
    assert_passes(&files, verilator);
}

#[test]
fn an_8x8_array_without_v_in_both_simulators() {
    let files = random_array("recursive:5", WeightScheme::U8Channel, Mode::None, 8, |_| {});
    assert_passes(&files, icarus);
    assert_passes(&files, verilator);
}

#[test]
fn a_16x16_array_in_both_simulators() {
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    let files = random_array("truncated:8", WeightScheme::U8Channel, popcount, 16, |_| {});
    assert_passes(&files, icarus);
    assert_passes(&files, verilator);
}

/// What a proof is worth: each of these errors is found.
#[test]
fn mutations_fail() {
    let popcount = Mode::Fitted(Some(ControlFunction::Popcount));
    let design = Design::new("truncated:7".parse().unwrap()).with_control_variate(popcount);
    let made = loaded_array(&design, WeightScheme::U8Channel, 3, |_| {});
    let wait = made.iter().find(|file| file.name == "tb.sv").unwrap();
    let wait = wait.text.lines().find(|line| line.contains("WAIT =")).unwrap();
    let table = loaded_table(|_| {});
    for (what, files, file, old, new) in [
        (
            "a bit of G inverted",
            &made,
            "constants.sv",
            "wire g7_8_0 = g7[8]",
            "wire g7_8_0 = ~g7[8]",
        ),
        ("sums that go on", &made, "load_sums.sv", "(first ? 3'd0 : ", "(1'b0 ? 3'd0 : "),
        (
            "a wait that is too short",
            &made,
            "tb.sv",
            wait,
            &format!("{wait} - 1").replace("; - 1", " - 1;"),
        ),
        ("rows without a weight", &table, "load_sums.sv", "if (n", "if (1'b1 | n"),
    ] {
        assert_fails(files, what, file, old, new);
    }
    let gated = random_array("exact", WeightScheme::U8Channel, Mode::None, 4, |options| {
        options.clock_gating = ClockGating::Idle;
    });
    let dot = random_array("exact", WeightScheme::U8Channel, Mode::None, 4, |options| {
        (options.products_per_pe, options.share_columns) = (4, 2);
    });
    let dropped = "wire pp1_3_7_7 = 1'b0 & ";
    assert_fails(&dot, "a dropped product", "pe.sv", "wire pp1_3_7_7 = ", dropped);
    for (what, file, old, new) in [
        ("a gate that never opens", "recoup_clock_gate.sv", "open = enable", "open = 1'b0"),
        ("the enable of another row", "array.sv", "row_on[3]", "row_on[0]"),
        ("the enable of another column", "array.sv", "column_on[1]", "column_on[3]"),
        ("weights that go on", "array.sv", ".load(load)", ".load(1'b1)"),
    ] {
        assert_fails(&gated, what, file, old, new);
    }
    let files = random_array("truncated:7", WeightScheme::U8Channel, popcount, 4, |_| {});
    let c = files.iter().find(|file| file.name == "c.hex").unwrap();
    // One unit of C, 1/16, in the third filter.
    let third = c.text.lines().nth(2).unwrap().to_string();
    let more =
        format!("{:0width$x}", u32::from_str_radix(&third, 16).unwrap() + 1, width = third.len());
    for (what, file, old, new) in [
        ("a partial product inverted", "pe.sv", "wire pp_3_5 = w[5]", "wire pp_3_5 = ~w[5]"),
        ("a partial product of another bit", "pe.sv", "wire pp_7_7 = w[7]", "wire pp_7_7 = w[6]"),
        ("C off by one", "c.hex", &*third, &*more),
        (
            "a sum that is not registered",
            "pe.sv",
            "assign psum_out = psum;",
            "assign psum_out = sum;",
        ),
        (
            "no register for x on its way",
            "mac_plus.sv",
            "assign x_out = x;",
            "assign x_out = x_in;",
        ),
        ("no rounding", "mac_plus.sv", "up <= ", "up <= 1'b0 & "),
        ("a code of another row", "x_line.sv", "a[9]", "a[1]"),
    ] {
        assert_fails(&files, what, file, old, new);
    }
}

/// The testbench fails with this change in one of the files.
fn assert_fails(files: &[File], what: &str, file: &str, old: &str, new: &str) {
    let mut files = files.to_vec();
    let file = files.iter_mut().find(|known| known.name == file).unwrap();
    assert!(file.text.contains(old), "{what}: no {old} in {}", file.text);
    file.text = file.text.replacen(old, new, 1);
    let (passed, said) = icarus(folder(&files).path());
    assert!(!passed, "{what}: {said}");
}
