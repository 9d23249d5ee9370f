//! The operators' signatures, from the table `operators.txt`.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::pb::attribute_proto::AttributeType;
use super::text::shown;
use super::{OPSETS, is_onnx};

/// ONNX Runtime's domain, of which some operators are known by name.
const MICROSOFT: &str = "com.microsoft";

/// One operator as the sets from `since` on define it.
pub(super) struct Signature {
    since: i64,
    /// The sets from `since` on have it no more.
    removed: bool,
    pub inputs: Formals,
    pub outputs: Formals,
    pub attributes: Vec<Formal>,
}

/// An attribute that an operator may have.
pub(super) struct Formal {
    pub name: &'static str,
    pub kind: AttributeType,
    pub required: bool,
}

/// Inputs or outputs: a letter each, as the table's head explains them.
#[derive(Clone, Copy)]
pub(super) struct Formals(&'static str);

impl Formals {
    /// How many must be listed, be it with an empty name.
    pub fn least(self) -> usize {
        self.0.rfind(['r', 'v']).map_or(0, |last| last + 1)
    }

    /// How many may be listed, if there is a limit.
    pub fn most(self) -> Option<usize> {
        (!self.0.ends_with(['v', 'w'])).then_some(self.0.len())
    }

    /// Whether the one at `index` must have a name.
    pub fn requires(self, index: usize) -> bool {
        let letter = self.0.as_bytes().get(index).or(self.0.as_bytes().last());
        matches!(letter, Some(b'r' | b'v' | b'w'))
    }
}

/// The signature of an operator in one operator set.
///
/// # Errors
/// When the domain is foreign, or the set has no such operator.
pub(super) fn find(domain: &str, operator: &str, opset: i64) -> Result<&'static Signature, String> {
    if domain == MICROSOFT {
        let known = table().get(&format!("{MICROSOFT}:{operator}") as &str);
        return known.and_then(|signatures| signatures.first()).ok_or_else(|| {
            format!(
                "operator {} of com.microsoft is not known to Recoup; of that domain only {} \
                 are; export the model without ONNX Runtime's optimisations",
                shown(operator),
                microsoft()
            )
        });
    }
    if !is_onnx(domain) {
        return Err(format!(
            "it is of the domain \"{}\"; Recoup runs operators of ai.onnx only, and an operator \
             of another domain is not the one of the same name; export the model with standard \
             operators",
            shown(domain)
        ));
    }
    let signatures =
        table().get(operator).filter(|_| !operator.contains(':')).ok_or_else(|| {
            format!(
                "operator {} does not exist in ai.onnx (operator sets {} to {}); export the model \
             with standard operators",
                shown(operator),
                OPSETS.start(),
                OPSETS.end()
            )
        })?;
    let Some(signature) = signatures.iter().rev().find(|found| found.since <= opset) else {
        return Err(format!(
            "operator {operator} does not exist in operator set {opset}, which the model uses; \
             it came with set {0}: export with opset_version={0} or later",
            signatures[0].since
        ));
    };
    if signature.removed {
        let back = signatures.iter().find(|later| later.since > opset);
        let advice = match back {
            Some(later) => format!("with opset_version={} or later, where it is back", later.since),
            None => "again with a current exporter".into(),
        };
        return Err(format!(
            "operator {operator} was removed in operator set {}, and the model uses set {opset}; \
             export the model {advice}",
            signature.since
        ));
    }
    Ok(signature)
}

/// The names of com.microsoft's operators that are known.
fn microsoft() -> String {
    let names = table().keys().filter_map(|name| name.strip_prefix("com.microsoft:"));
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.join(", ")
}

/// All signatures by name, each operator's oldest first.
fn table() -> &'static HashMap<&'static str, Vec<Signature>> {
    static TABLE: OnceLock<HashMap<&str, Vec<Signature>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: HashMap<&str, Vec<Signature>> = HashMap::new();
        let lines = include_str!("operators.txt").lines();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let (name, signature) = parse(line).expect("the table is made by a script");
            table.entry(name).or_default().push(signature);
        }
        table
    })
}

fn parse(line: &'static str) -> Option<(&'static str, Signature)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let since = words.next()?;
    let formals = |word: &'static str| Formals(word.trim_matches('.'));
    let signature = Signature {
        since: since.trim_end_matches('-').parse().ok()?,
        removed: since.ends_with('-'),
        inputs: formals(words.next()?),
        outputs: formals(words.next()?),
        attributes: words.map(attribute).collect::<Option<_>>()?,
    };
    Some((name, signature))
}

fn attribute(word: &'static str) -> Option<Formal> {
    let (name, kind) = word.split_once(':')?;
    let kind_letter = kind.trim_end_matches('!');
    let found = match kind_letter {
        "f" => AttributeType::Float,
        "i" => AttributeType::Int,
        "s" => AttributeType::String,
        "t" => AttributeType::Tensor,
        "g" => AttributeType::Graph,
        "p" => AttributeType::SparseTensor,
        "y" => AttributeType::TypeProto,
        "F" => AttributeType::Floats,
        "I" => AttributeType::Ints,
        "S" => AttributeType::Strings,
        _ => return None,
    };
    Some(Formal { name, kind: found, required: kind != kind_letter })
}
