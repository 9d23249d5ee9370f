//! Whether attributes are those of the operator's signature.

use std::collections::HashSet;

use super::operators::Signature;
use super::pb;
use super::pb::attribute_proto::AttributeType;
use super::text::shown;

/// Checks a node's attributes against its operator's signature: each known, of the right type and
/// given once, the required ones present.
pub(super) fn check(node: &pb::NodeProto, signature: &Signature) -> Result<(), String> {
    let mut given = HashSet::new();
    for attribute in &node.attribute {
        let name = shown(&attribute.name);
        if !given.insert(attribute.name.as_str()) {
            return Err(format!("attribute \"{name}\" is given twice; give it once"));
        }
        if !attribute.ref_attr_name.is_empty() {
            return Err(format!(
                "attribute \"{name}\" refers to an attribute of a function, but the node is in \
                 none; export the model without functions"
            ));
        }
        let known = signature.attributes.iter().find(|known| known.name == attribute.name);
        let known = known.ok_or_else(|| {
            let names: Vec<_> = signature.attributes.iter().map(|known| known.name).collect();
            let expected = if names.is_empty() { "none".into() } else { names.join(", ") };
            format!(
                "attribute \"{name}\" is unknown for this operator in the model's operator set; \
                 expected {expected}; remove it, or export with the operator set it belongs to"
            )
        })?;
        let found = AttributeType::try_from(attribute.r#type).unwrap_or_default();
        if found != known.kind {
            return Err(format!(
                "attribute \"{name}\" has the type {}; expected {}",
                found.as_str_name(),
                known.kind.as_str_name()
            ));
        }
        if !holds_only(attribute, found) {
            return Err(format!(
                "attribute \"{name}\" says that its type is {}, but does not hold exactly that",
                found.as_str_name()
            ));
        }
    }
    let missing = |known: &&super::operators::Formal| known.required && !given.contains(known.name);
    if let Some(known) = signature.attributes.iter().find(missing) {
        return Err(format!("attribute \"{}\" is missing; this operator requires it", known.name));
    }
    Ok(())
}

/// Whether an attribute has the value that its type says, and no other. Plain numbers and text
/// cannot be told from absent ones when they are zero or empty.
fn holds_only(attribute: &pb::AttributeProto, kind: AttributeType) -> bool {
    use AttributeType as Kind;
    let held = [
        (Kind::Float, attribute.f.to_bits() != 0),
        (Kind::Int, attribute.i != 0),
        (Kind::String, !attribute.s.is_empty()),
        (Kind::Tensor, attribute.t.is_some()),
        (Kind::Graph, attribute.g.is_some()),
        (Kind::SparseTensor, attribute.sparse_tensor.is_some()),
        (Kind::TypeProto, attribute.tp.is_some()),
        (Kind::Floats, !attribute.floats.is_empty()),
        (Kind::Ints, !attribute.ints.is_empty()),
        (Kind::Strings, !attribute.strings.is_empty()),
        (Kind::Tensors, !attribute.tensors.is_empty()),
        (Kind::Graphs, !attribute.graphs.is_empty()),
        (Kind::SparseTensors, !attribute.sparse_tensors.is_empty()),
        (Kind::TypeProtos, !attribute.type_protos.is_empty()),
    ];
    let must = matches!(kind, Kind::Tensor | Kind::Graph | Kind::SparseTensor | Kind::TypeProto);
    held.iter().all(|&(other, held)| if other == kind { held || !must } else { !held })
}
