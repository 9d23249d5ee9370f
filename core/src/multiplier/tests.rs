use sha2::{Digest, Sha256};

use super::*;

/// Hashes of the product tables, made by `reference/tables.py` from the formulas of eq. (4):
/// `family level coding sha256`.
const HASHES: &str = include_str!("../../../reference/tables.sha256");

#[test]
fn all_46_tables_have_the_published_hashes() {
    let mut checked = 0;
    for line in HASHES.lines() {
        let [family, level, coding, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("malformed line {line}");
        };
        let spec = if family == "exact" { family.into() } else { format!("{family}:{level}") };
        let multiplier: Multiplier = spec.parse().unwrap();
        let coding = match coding {
            "u8u8" => WeightCoding::Unsigned,
            "i8u8" => WeightCoding::Signed,
            other => panic!("unknown coding {other}"),
        };
        let table = multiplier.table(coding);
        let bytes: Vec<u8> = table.iter().flat_map(|product| product.to_le_bytes()).collect();
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, expected, "{line}");
        checked += 1;
    }
    assert_eq!(checked, 46);
}

/// A table of signed weights runs as its mask, but is no circuit for unsigned ones.
#[test]
fn tables_of_signed_weights() {
    use WeightCoding::{Signed, Unsigned};
    let specs = ["exact", "perforated:3", "truncated:7", "truncated:8", "recursive:4"];
    for spec in specs.into_iter().chain(["mask:0x00fffefcf8f0e0c0"]) {
        let named: Multiplier = spec.parse().unwrap();
        let table = ProductTable::new(Operands::SignedWeight, named.table(Signed));
        let read = Multiplier::from_table("file", &table);
        assert_eq!((read.family(), read.mask()), (named.family(), named.mask()), "{spec}");
        assert_eq!(read.table(Signed), named.table(Signed));
        assert_eq!((read.coding(), read.check_coding(Signed)), (Some(Signed), Ok(())));
        assert_eq!(
            read.check_coding(Unsigned).unwrap_err().to_string(),
            "multiplier file multiplies signed weights; give --weights i8-channel"
        );
    }
    let odd = ProductTable::from_fn(Operands::SignedWeight, |w, a| {
        Operands::SignedWeight.product(w, a) - i32::from(a % 5)
    });
    let read = Multiplier::from_table("odd", &odd);
    assert_eq!((read.mask(), read.coding()), (None, Some(Signed)));
    assert_eq!(read.table(Signed), odd.products());
    assert_eq!((read.error(0xff, 9, Signed), read.product(0xff, 9, Signed)), (4, -13));
}

/// A table is the multiplier that it comes from, also by name: products of unsigned weights.
#[test]
fn tables_of_unsigned_weights_are_for_them() {
    let table = ProductTable::new(Operands::Unsigned, truncated(7).table(WeightCoding::Unsigned));
    let read = Multiplier::from_table("file", &table);
    assert_eq!(read.family(), Some(Family::Truncated(7)));
    assert!(read.check_coding(WeightCoding::Unsigned).is_ok());
    assert!(read.check_coding(WeightCoding::Signed).is_err());
}

#[test]
fn errors_follow_the_closed_formulas() {
    for (w, a) in all_pairs() {
        let (weight, activation) = (i32::from(w), i32::from(a));
        let unsigned = WeightCoding::Unsigned;
        assert_eq!(perforated(3).error(w, a, unsigned), weight * (activation % 8));
        assert_eq!(recursive(4).error(w, a, unsigned), (weight % 16) * (activation % 16));
        let low = recursive(4).error(w, a, WeightCoding::Signed);
        assert_eq!(low, (i32::from(w as i8).rem_euclid(16)) * (activation % 16));
    }
}

#[test]
fn dropped_products_are_as_many_as_the_families_say() {
    for m in 1..=7 {
        assert_eq!(64 - perforated(m).mask().unwrap().count_ones(), 8 * m);
        assert_eq!(64 - recursive(m).mask().unwrap().count_ones(), m * m);
    }
    for m in 1..=8 {
        assert_eq!(64 - truncated(m).mask().unwrap().count_ones(), m * (m + 1) / 2);
        assert_eq!(truncated(m).lossy_bits(), (0xff_u16 >> (8 - m)) as u8);
    }
}

#[test]
fn specs_survive_a_round_trip() {
    for spec in ["exact", "perforated:3", "truncated:8", "recursive:5", "mask:0x00fffefcf8f0e0c0"] {
        assert_eq!(spec.parse::<Multiplier>().unwrap().to_string(), spec);
    }
}

#[test]
fn bad_specs_say_what_is_valid() {
    let message = |spec: &str| spec.parse::<Multiplier>().unwrap_err().to_string();
    assert!(message("booth").contains("exact, perforated:M"));
    assert_eq!(
        message("truncated:9"),
        "multiplier \"truncated:9\": truncated takes a level from 1 to 8"
    );
    assert!(message("perforated:0").contains("from 1 to 7"));
    assert!(message("recursive:two").contains("from 1 to 7"));
    assert!(message("mask:12").contains("hexadecimal"));
    assert!(message("mask:0x12345678123456781").contains("64 bits"));
    assert!(message("mask:0x+1").contains("hexadecimal"));
}

#[test]
fn metrics_of_truncated_1_by_hand() {
    // Only a_0 w_0 is dropped: a quarter of the pairs, each wrong by 1.
    let metrics = truncated(1).metrics(WeightCoding::Unsigned);
    assert_eq!((metrics.mae, metrics.wce, metrics.ep), (0.25, 1, 0.25));
    assert_eq!((metrics.mse, metrics.mean_error), (0.25, 0.25));
    let odd = || (1..=255).step_by(2).map(f64::from);
    let expected: f64 = odd().flat_map(|w| odd().map(move |a| 1.0 / (w * a))).sum();
    assert!((metrics.mre - expected / 65025.0).abs() < 1e-15);
}

#[test]
fn the_picture_of_recursive_2_lacks_a_corner() {
    let picture = dot_diagram(recursive(2).mask().unwrap());
    let dots = |line: &str| line.matches('.').count();
    let lines: Vec<_> = picture.lines().collect();
    assert_eq!((dots(lines[1]), dots(lines[2]), dots(lines[3])), (2, 2, 0));
    assert_eq!(lines[9], "# kept: 60 of 64   . dropped: 4");
}
