use std::collections::HashSet;

use recoup_circuits::{Operands, ProductTable};
use recoup_kernels::WeightCoding;

use super::*;
use crate::control_variate::{AttentionConstants, Loading, Statistics};
use crate::multiplier::{perforated, truncated};
use crate::quantize::OutputCorrection;

/// Designs that differ from each other in everything.
fn all() -> Vec<Design> {
    let statistics = Statistics::Pooled;
    let (attention, loading) = (AttentionConstants::Layer, Loading::First);
    let options = ControlOptions { c_frac: 8, terms: 2, x_bits: 6, statistics, attention, loading };
    let space = Space {
        multipliers: vec![
            Multiplier::exact(),
            truncated(7),
            perforated(2),
            Multiplier::from_mask(7),
        ],
        control_variates: [
            "none",
            "constant",
            "paper",
            "fitted",
            "fitted:any-bit",
            "regressed:auto",
        ]
        .map(|mode| mode.parse().unwrap())
        .to_vec(),
        activation_bits: vec![8, 4],
        weight_bits: vec![8, 5],
        quantizations: Quantization::ALL.map(Some).to_vec(),
        exact_ends: vec![false, true],
        weights: vec![None, Some(WeightScheme::U8Tensor), Some(WeightScheme::I8Channel)],
        ..Space::default()
    };
    let weight_codes = vec![WeightCodes::Chosen];
    let others = Space { control_options: options, weight_codes, ..space.clone() };
    let mut designs = space.designs();
    designs.extend(others.designs().into_iter().filter(Design::is_corrected));
    designs.push(Design::exact(7).with_weight_codes(WeightCodes::Chosen));
    designs
}

#[test]
fn a_design_survives_its_text() {
    let designs = all();
    let texts: HashSet<String> = designs.iter().map(Design::to_string).collect();
    assert_eq!(texts.len(), designs.len(), "every design has a text of its own");
    for design in &designs {
        let text = design.to_string();
        assert_eq!(text.parse::<Design>().as_ref(), Ok(design), "{text}");
    }
    let everything = "truncated:7 with V (fitted, c_frac 8, terms 2, x_bits 6, statistics pooled, \
         attention layer, loading first), \
                      4 activation bits, 5 weight bits, aware+bias quantisation, \
                      chosen weight codes, exact ends, i8-channel weights";
    assert!(texts.contains(everything), "{texts:#?}");
}

#[test]
fn multipliers_from_files_are_asked_for_by_name() {
    let table = ProductTable::from_fn(Operands::Unsigned, |w, a| i32::from(w) * i32::from(a / 3));
    let named = Multiplier::from_table("mul, with V (x), v2", &table);
    let design = Design::new(named.clone()).with_activation_bits(6);
    let text = design.to_string();
    assert_eq!(text, "mul, with V (x), v2 with V (fitted), 6 activation bits");
    let known = |name: &str| {
        assert_eq!(name, "mul, with V (x), v2");
        Ok::<_, DesignTextError>(named.clone())
    };
    assert_eq!(Design::parse(&text, known), Ok(design));
    assert!(matches!(text.parse::<Design>(), Err(DesignTextError::Multiplier(_))));
}

#[test]
fn wrong_texts_say_what_is_wrong() {
    let cases = [
        ("truncated:99", "truncated takes a level from 1 to"),
        ("truncated:7, 9 activation bits", "9 activation bits, not 4 to 8"),
        ("truncated:7, 3 weight bits", "3 weight bits, not 4 to 8"),
        ("truncated:7 with V (clever)", "unknown control variate \"clever\""),
        ("truncated:7 with V (fitted, c_frac 17)", "\"c_frac 17\", where c_frac is 0 to 16"),
        ("truncated:7 with V (fitted, speed 3)", "\"speed 3\" is no option"),
        ("truncated:7, clever quantisation", "unknown quantisation \"clever\""),
        ("truncated:7, u7 weights", "unknown weight coding \"u7\""),
        ("truncated:7, exact ends, 6 activation bits", "unknown multiplier"),
        ("", "unknown multiplier \"\""),
    ];
    for (text, part) in cases {
        let error = text.parse::<Design>().unwrap_err().to_string();
        // In the order in which a text is written.
        let expected = if part == "unknown multiplier" { "takes a level" } else { part };
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// Keys of results in files of earlier versions are made of these texts.
#[test]
fn content_is_written_as_ever() {
    let content = |design: Design| design.record(WeightCoding::Unsigned).content();
    let exact = "f8085fc34b4305c0ded5ce102ee273302045b00677f0504933593571822db644";
    assert_eq!(
        content(Design::exact(8)),
        format!(
            "{{\"activation_bits\":8,\"control_variate\":\"none\",\"products_sha256\":\"{exact}\"}}"
        )
    );
    let truncated_7 = "a4d0a103fbded14ca5caf388adaf7a3b01e5bed3adee4a48973ad9ebfb80a99d";
    let quantization = Quantization { aware: true, outputs: OutputCorrection::Bias };
    let design = Design::new(truncated(7))
        .with_activation_bits(6)
        .with_quantization(quantization)
        .with_exact_ends(true);
    assert_eq!(
        content(design),
        format!(
            "{{\"activation_bits\":6,\"c_frac\":4,\"control_variate\":\"fitted\",\"exact_ends\":\
             true,\"products_sha256\":\"{truncated_7}\",\"quantization\":\"aware+bias\",\
             \"statistics\":\"channel\",\"terms\":1,\"x_bits\":4}}"
        )
    );
    // As it was when there was nothing else.
    let pooled = ControlOptions { statistics: Statistics::Pooled, ..ControlOptions::default() };
    assert_eq!(
        content(Design::new(truncated(7)).with_control_options(pooled)),
        format!(
            "{{\"activation_bits\":8,\"c_frac\":4,\"control_variate\":\"fitted\",\
             \"products_sha256\":\"{truncated_7}\",\"terms\":1,\"x_bits\":4}}"
        )
    );
}

#[test]
fn a_record_survives_json_and_keeps_the_text() {
    for design in all() {
        let coding = design.weights.map_or(WeightCoding::Unsigned, WeightScheme::coding);
        let record = design.record(coding);
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<DesignRecord>(&json).unwrap(), record);
        assert_eq!(record.to_string(), design.to_string());
    }
}

#[test]
fn damaged_records_are_errors() {
    let json = serde_json::json!(Design::new(truncated(7)).record(WeightCoding::Unsigned));
    let read = |json: &serde_json::Value| serde_json::from_value::<DesignRecord>(json.clone());
    assert!(read(&json).is_ok());
    for field in ["activation_bits", "control_variate", "multiplier", "products_sha256"] {
        let mut without = json.clone();
        without.as_object_mut().unwrap().remove(field);
        let error = read(&without).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
    for (field, value) in [("control_variate", "clever"), ("quantization", "x"), ("speed", "3")] {
        let mut wrong = json.clone();
        wrong[field] = value.into();
        assert!(read(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_mask_of_before_has_the_name_of_its_family_today() {
    let mut json = serde_json::json!(Design::new(truncated(9)).record(WeightCoding::Unsigned));
    for (before, today) in [
        ("mask:0xfcf8f0e0c0800000", "truncated:9"),
        ("mask:0xfcfcf8f0e0c00000", "mask:0xfcfcf8f0e0c00000"),
        ("mul8u_1KV8", "mul8u_1KV8"),
    ] {
        json["multiplier"] = before.into();
        let read: DesignRecord = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(read.to_string(), format!("{today} with V (fitted)"));
    }
}

/// Products and options, not names.
#[test]
fn identity_is_of_products_and_options() {
    let circuit = |name: &str, low: u8| {
        let products =
            |w: u8, a: u8| Operands::Unsigned.product(w, a) - i32::from(w % low * (a % low));
        Multiplier::from_table(name, &ProductTable::from_fn(Operands::Unsigned, products))
    };
    let identity =
        |design: &Design| design.record(WeightCoding::Unsigned).identity(WeightScheme::U8Channel);
    let mul = Design::new(circuit("mul", 3));
    assert_eq!(identity(&mul), identity(&Design::new(circuit("renamed", 3))));
    assert_ne!(identity(&mul), identity(&Design::new(circuit("mul", 5))));
    assert_eq!(identity(&Design::exact(8)), identity(&Design::new(circuit("mul", 1))));
    assert_eq!(identity(&Design::exact(8)).len(), 64);
    // The coding counts, whether it is said or not.
    let said = mul.clone().with_weights(Some(WeightScheme::U8Channel));
    assert_eq!(identity(&mul), identity(&said));
    let designs = all();
    let identities: HashSet<String> = designs
        .iter()
        .map(|design| design.record_with(design.multiplier.to_string()))
        .map(|record| record.identity(WeightScheme::U8Channel))
        .collect();
    assert_eq!(identities.len(), designs.len());
}

#[test]
fn every_combination_is_there_once() {
    let none = Space { multipliers: Vec::new(), ..Space::default() };
    assert_eq!(none.designs(), []);
    assert_eq!(Space::default().designs(), [Design::exact(8)]);
    let twice = Space {
        multipliers: vec![Multiplier::exact(), truncated(7), truncated(7)],
        control_variates: vec![Mode::None, Mode::Fitted(None)],
        activation_bits: vec![8, 6, 8],
        exact_ends: vec![true, false],
        ..Space::default()
    };
    let texts: Vec<String> = twice.designs().iter().map(Design::to_string).collect();
    assert_eq!(
        texts,
        [
            "exact",
            "truncated:7, exact ends",
            "truncated:7",
            "truncated:7 with V (fitted), exact ends",
            "truncated:7 with V (fitted)",
            "exact, 6 activation bits, exact ends",
            "exact, 6 activation bits",
            "truncated:7, 6 activation bits, exact ends",
            "truncated:7, 6 activation bits",
            "truncated:7 with V (fitted), 6 activation bits, exact ends",
            "truncated:7 with V (fitted), 6 activation bits",
        ]
    );
}

#[test]
fn there_is_one_reference() {
    let kinds = |designs: &[Design]| designs.iter().map(Design::kind).collect::<Vec<_>>();
    let designs = [
        Design::exact(8),
        Design::exact(7),
        Design::exact(8).with_weight_bits(7),
        Design::exact(8).with_weights(Some(WeightScheme::U8Tensor)),
        Design::new(truncated(7)),
        Design::new(truncated(7)).with_control_variate(Mode::None),
    ];
    let expected = [
        Kind::Reference,
        Kind::ReducedPrecision,
        Kind::ReducedPrecision,
        Kind::ReducedPrecision,
        Kind::WithV,
        Kind::WithoutV,
    ];
    assert_eq!(kinds(&designs), expected);
    for kind in expected {
        assert_eq!(serde_json::json!(kind), kind.key());
    }
}
