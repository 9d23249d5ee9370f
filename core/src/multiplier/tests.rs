use super::*;
use crate::hint::Hint;

/// Hashes of the product tables, computed from the closed formulas by `reference/tables.py`:
/// `family level coding sha256`.
const HASHES: &str = include_str!("../../../reference/tables.sha256");

#[test]
fn all_58_tables_have_the_published_hashes() {
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
        assert_eq!(multiplier.identity(coding), expected, "{line}");
        checked += 1;
    }
    assert_eq!(checked, 58);
}

/// A table of signed weights runs as its mask, but is no circuit for unsigned ones.
#[test]
fn tables_of_signed_weights() {
    use WeightCoding::{Signed, Unsigned};
    let others = ["exact", "mask:0x00fffefcf8f0e0c0", "mask:0x0"];
    let mut checked = 0;
    for named in all_members().chain(others.map(|spec| spec.parse().unwrap())) {
        let table = ProductTable::new(Operands::SignedWeight, named.table(Signed));
        let read = Multiplier::from_table("file", &table);
        assert_eq!(read.mask(), named.mask(), "{named}");
        assert_eq!(read.member(), canonical(&named).member(), "{named}");
        assert_eq!(read.identity(Signed), named.identity(Signed));
        checked += 1;
        assert_eq!(read.table(Signed), named.table(Signed));
        assert_eq!((read.coding(), read.check_coding(Signed)), (Some(Signed), Ok(())));
        let refusal = read.check_coding(Unsigned).unwrap_err();
        assert_eq!(refusal.to_string(), "multiplier file multiplies signed weights");
        assert_eq!(refusal.hint(), Some(Hint::ChooseWeights(Signed)));
    }
    assert_eq!(checked, all_members().count() + 3);
    let odd = ProductTable::from_fn(Operands::SignedWeight, |w, a| {
        Operands::SignedWeight.product(w, a) - i32::from(a % 5)
    });
    let read = Multiplier::from_table("odd", &odd);
    assert_eq!((read.mask(), read.coding()), (None, Some(Signed)));
    assert_eq!(read.table(Signed), odd.products());
    assert_eq!((read.error(0xff, 9, Signed), read.product(0xff, 9, Signed)), (4, -13));
}

/// A table is the multiplier that it comes from, also by family: products of unsigned weights.
#[test]
fn tables_of_unsigned_weights_are_for_them() {
    for named in all_members() {
        let table = ProductTable::new(Operands::Unsigned, named.table(WeightCoding::Unsigned));
        let read = Multiplier::from_table("file", &table);
        assert_eq!(read.member(), canonical(&named).member());
        assert!(read.check_coding(WeightCoding::Unsigned).is_ok());
        assert!(read.check_coding(WeightCoding::Signed).is_err());
    }
}

/// Rows of a signed mask may keep their sign extension as no name can say.
#[test]
fn any_sign_extensions_of_a_table_are_recognised() {
    let mask = Mask { member: None, bits: truncated(8).mask().unwrap(), sign_rows: 0b1001_0110 };
    let products = Multiplier::masked(mask).table(WeightCoding::Signed);
    assert_eq!(recognise(WeightCoding::Signed, &products), Some(mask));
    let mut other = products.clone();
    other[0xffff] += 1;
    assert_eq!(recognise(WeightCoding::Signed, &other), None);
}

fn all_members() -> impl Iterator<Item = Multiplier> {
    Family::members().map(Multiplier::of_member)
}

/// Under the first of its names.
fn canonical(multiplier: &Multiplier) -> Multiplier {
    Multiplier::from_mask(multiplier.mask().unwrap())
}

/// What is the same in one coding only would be one multiplier under two names.
#[test]
fn a_mask_of_a_family_is_that_member_in_both_codings() {
    let mut renamed = Vec::new();
    for member in all_members() {
        let mask = canonical(&member);
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            assert_eq!(mask.identity(coding), member.identity(coding), "{member}");
        }
        if mask != member {
            renamed.push((member.to_string(), mask.to_string()));
        }
    }
    // Both lack a_0 w_0 alone.
    assert_eq!(renamed, [("recursive:1".to_owned(), "truncated:1".to_owned())]);
    let best: Multiplier = "mask:0xfcf8f0e0c0800000".parse().unwrap();
    assert_eq!((best.to_string(), &best), ("truncated:9".to_owned(), &truncated(9)));
}

#[test]
fn no_name_of_a_file_is_a_specification() {
    let table = ProductTable::from_fn(Operands::Unsigned, |w, a| {
        Operands::Unsigned.product(w, a) - i32::from(w & a & 1)
    });
    let names = ["exact", "mask:0xff", "table:a", "file:a", "mul8u", "mask_0xff", "exact_2"];
    let specs = all_members().map(|member| member.to_string());
    let mut prefixed = 0;
    for name in specs.chain(names.map(str::to_owned)) {
        let shown = Multiplier::from_table(&name, &table).to_string();
        assert!(shown.parse::<Multiplier>().is_err(), "{shown}");
        assert!(matches!(shown.parse::<Source>(), Err(MultiplierError::Unknown(_))), "{shown}");
        if shown != name {
            assert_eq!(shown, format!("file:{name}"));
            prefixed += 1;
        }
    }
    assert_eq!(prefixed, all_members().count() + 4);
}

/// Holds all levels of a family to the closed formula of its error, of (m, w, a), where w is the
/// weight's value.
pub(super) fn assert_errors(family: &'static Family, expected: fn(u32, i32, i32) -> i32) {
    for m in 1..=family.most {
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            let errors = family.level(m).errors(coding);
            for ((w, a), error) in all_pairs().zip(errors) {
                let formula = expected(m, code_value(w, coding), a.into());
                assert_eq!(error, formula, "{}:{m} {coding:?} {w} {a}", family.name);
            }
        }
    }
}

#[test]
fn dropped_products_are_as_many_as_the_families_say() {
    for m in 1..=7 {
        assert_eq!(64 - perforated(m).mask().unwrap().count_ones(), 8 * m);
        assert_eq!(64 - recursive(m).mask().unwrap().count_ones(), m * m);
    }
    for m in 1..=14 {
        // Columns from 8 on become shorter again.
        let dropped: u32 = (0..m).map(|column| (column + 1).min(15 - column)).sum();
        assert_eq!(64 - truncated(m).mask().unwrap().count_ones(), dropped);
        assert_eq!(truncated(m).lossy_bits(), (0xff_u16 >> 8_u32.saturating_sub(m)) as u8);
    }
}

#[test]
fn specs_survive_a_round_trip() {
    for spec in ["exact", "mask:0x00fffefcf8f0e0c0"] {
        assert_eq!(spec.parse::<Multiplier>().unwrap().to_string(), spec);
    }
    for member in all_members() {
        assert_eq!(member.to_string().parse(), Ok(member));
    }
}

/// All that users are told of families comes from the one table of them.
#[test]
fn help_has_every_family() {
    let (spec, families) = (SPEC_HELP.to_string(), FamilyHelp.to_string());
    for family in FAMILIES {
        let Family { name, most, help, .. } = family;
        assert!(spec.contains(&format!(", {name}:M (1 to {most}), ")), "{spec}");
        assert!(
            families
                .lines()
                .any(|line| { line.starts_with(&format!("  {name}:M ")) && line.ends_with(help) })
        );
        let above = format!("{name}:{}", most + 1).parse::<Multiplier>().unwrap_err();
        assert!(above.to_string().ends_with(&format!("takes a level from 1 to {most}")));
    }
}

#[test]
fn bad_specs_say_what_is_valid() {
    let message = |spec: &str| spec.parse::<Multiplier>().unwrap_err().to_string();
    assert!(message("booth").contains("exact, perforated:M"));
    assert_eq!(
        message("truncated:15"),
        "multiplier \"truncated:15\": truncated takes a level from 1 to 14"
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
