//! What a node says in its attributes.

use super::pb;

/// The attribute of this name.
pub(crate) fn attribute<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a pb::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// An attribute that is one integer.
pub(crate) fn int(node: &pb::NodeProto, name: &str) -> Option<i64> {
    attribute(node, name).map(|attribute| attribute.i)
}

/// An attribute that is one float.
pub(crate) fn float(node: &pb::NodeProto, name: &str) -> Option<f32> {
    attribute(node, name).map(|attribute| attribute.f)
}

/// An attribute that is a list of integers.
pub(crate) fn ints<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a [i64]> {
    attribute(node, name).map(|attribute| attribute.ints.as_slice())
}

/// An attribute that is a list of floats.
pub(crate) fn floats<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a [f32]> {
    attribute(node, name).map(|attribute| attribute.floats.as_slice())
}

/// An attribute that is text; what is no UTF-8 is no word that is expected anywhere.
pub(crate) fn text<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a str> {
    attribute(node, name).map(|attribute| std::str::from_utf8(&attribute.s).unwrap_or("?"))
}

/// Whether an attribute is given.
pub(crate) fn has(node: &pb::NodeProto, name: &str) -> bool {
    attribute(node, name).is_some()
}
