//! Lists and limits of values for help texts, from where the values are checked.

use std::ops::RangeInclusive;

use clap::ValueEnum;

use recoup_circuits::table::Format;
use recoup_core::multiplier::FAMILIES;
use recoup_core::quantize::WeightScheme;
use recoup_explore::space;
use recoup_kernels::WeightCoding;

/// Significant bits of activation codes.
pub const CODE_BITS: RangeInclusive<i64> = 4..=8;

/// How codes and outputs are chosen where nothing is said ([`recoup::Design::quantization`]).
pub const QUANTIZATION_DEFAULT: &str = "plain+gain; plain with nothing to correct or \
     --control-variate none or paper, and with --statistics pooled";

/// Values as they are written on the command line.
pub fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    words.join(", ")
}

/// The words of an option.
pub fn names<T: ValueEnum>() -> String {
    let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    list(words.map(|word| word.get_name().to_owned()))
}

/// Least and most significant bits of codes.
pub fn code_bits() -> String {
    format!("{} to {}", CODE_BITS.start(), CODE_BITS.end())
}

/// The codings of weights.
pub fn weight_codings() -> String {
    format!("{} ({} is the paper's)", list(WeightScheme::ALL), WeightScheme::U8Tensor)
}

/// What a coding by channel does to codes that a model brings.
pub const RECODED: &str = "a coding by channel, if said, codes again the weights that a model codes \
     with one scale for a layer, and others keep the codes that they have";

/// Whether that was asked for.
pub fn recodes(weights: impl IntoIterator<Item = WeightScheme>) -> bool {
    weights.into_iter().any(|weights| weights != WeightScheme::U8Tensor)
}

/// The same by what the multiplier sees.
pub fn weight_signs() -> String {
    let of =
        |coding| list(WeightScheme::ALL.into_iter().filter(|scheme| scheme.coding() == coding));
    format!("{} (unsigned), {} (signed)", of(WeightCoding::Unsigned), of(WeightCoding::Signed))
}

/// The multipliers that are explored unless others are named.
pub fn standard_multipliers() -> String {
    let all = space::standard();
    let families = FAMILIES.iter().filter_map(|family| {
        let members = all.iter().filter_map(|multiplier| multiplier.member());
        let own = members.filter(|member| member.family.name == family.name);
        let levels: Vec<u32> = own.map(|member| member.level).collect();
        Some(format!("{}:{} to {}", family.name, levels.iter().min()?, levels.iter().max()?))
    });
    let masks = all.iter().filter(|multiplier| multiplier.member().is_none()).count();
    format!("{}, and {masks} masks between and beyond truncated ones", list(families))
}

/// The extensions that name a format of multipliers.
pub fn formats() -> String {
    let extensions = Format::ALL.into_iter().flat_map(Format::extensions);
    let dotted = extensions.map(|extension| format!(".{extension}"));
    format!("{} for tables, .v for Verilog", list(dotted))
}
