//! The JSON that yosys' `write_json` writes: modules of ports, cells and nets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::files::shorten;

/// A module.
#[derive(Clone, Debug)]
pub struct Module {
    /// What the source says of it, such as `top` or `blackbox`.
    pub attributes: Map<String, Value>,
    /// Its ports.
    pub ports: BTreeMap<String, Port>,
    /// What it is made of.
    pub cells: BTreeMap<String, Cell>,
    /// The names of its nets.
    pub net_names: BTreeMap<String, NetName>,
}

/// A port of a module.
#[derive(Clone, Debug)]
pub struct Port {
    /// The way.
    pub direction: Direction,
    /// Bit 0 first.
    pub bits: Vec<Bit>,
}

/// The way of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read by the module.
    Input,
    /// Driven by it.
    Output,
    /// Both.
    Inout,
}

/// A gate, a cell on words or an instance of a module.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What it is.
    pub kind: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// What is at its pins, bit 0 first.
    pub connections: BTreeMap<String, Vec<Bit>>,
}

/// A name of nets.
#[derive(Clone, Debug)]
pub struct NetName {
    /// Whether yosys made it up.
    pub hidden: bool,
    /// The nets, bit 0 first.
    pub bits: Vec<Bit>,
}

/// What is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bit {
    /// A net, by its number in the module.
    Net(u64),
    /// 0 or 1.
    Constant(bool),
    /// x or z.
    Unknown,
}

/// What yosys would not write.
#[derive(Debug, thiserror::Error)]
pub enum YosysJsonError {
    /// It is no JSON.
    #[error(transparent)]
    Syntax(serde_json::Error),
    /// It is other JSON.
    #[error("found {found}; expected {expected}")]
    Content {
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}

/// Reads the modules, without connecting anything.
///
/// # Errors
/// If it is not what yosys writes.
pub fn parse(json: &[u8]) -> Result<BTreeMap<String, Module>, YosysJsonError> {
    let value: Value = serde_json::from_slice(json).map_err(YosysJsonError::Syntax)?;
    entries(value.get("modules"), "\"modules\" at the top", module)
}

fn wrong(found: &Value, expected: &str) -> YosysJsonError {
    let (found, expected) = (shorten(&found.to_string()), expected.to_owned());
    YosysJsonError::Content { found, expected }
}

/// The entries of an object, each read by `read`.
fn entries<T>(
    value: Option<&Value>,
    expected: &str,
    read: impl Fn(&Value) -> Result<T, YosysJsonError>,
) -> Result<BTreeMap<String, T>, YosysJsonError> {
    let expected = format!("an object {expected}");
    let Some(value) = value else {
        return Err(YosysJsonError::Content { found: "nothing".to_owned(), expected });
    };
    let object = value.as_object().ok_or_else(|| wrong(value, &expected))?;
    object.iter().map(|(name, value)| Ok((name.clone(), read(value)?))).collect()
}

fn module(value: &Value) -> Result<Module, YosysJsonError> {
    let net_names = match value.get("netnames") {
        Some(names) => entries(Some(names), "\"netnames\"", net_name)?,
        None => BTreeMap::new(),
    };
    Ok(Module {
        attributes: value["attributes"].as_object().cloned().unwrap_or_default(),
        ports: entries(value.get("ports"), "\"ports\" in each module", port)?,
        cells: entries(value.get("cells"), "\"cells\" in each module", cell)?,
        net_names,
    })
}

fn port(value: &Value) -> Result<Port, YosysJsonError> {
    let direction = match value["direction"].as_str() {
        Some("input") => Direction::Input,
        Some("output") => Direction::Output,
        Some("inout") => Direction::Inout,
        _ => return Err(wrong(value, "a port with \"direction\"")),
    };
    Ok(Port { direction, bits: bits(&value["bits"])? })
}

fn net_name(value: &Value) -> Result<NetName, YosysJsonError> {
    let hidden = value["hide_name"].as_u64().is_some_and(|hide_name| hide_name > 0);
    Ok(NetName { hidden, bits: bits(&value["bits"])? })
}

fn cell(value: &Value) -> Result<Cell, YosysJsonError> {
    let kind = value["type"].as_str().ok_or_else(|| wrong(value, "a cell with \"type\""))?;
    Ok(Cell {
        kind: kind.to_owned(),
        parameters: value["parameters"].as_object().cloned().unwrap_or_default(),
        connections: entries(value.get("connections"), "\"connections\" in each cell", bits)?,
    })
}

fn bits(value: &Value) -> Result<Vec<Bit>, YosysJsonError> {
    let list = value.as_array().ok_or_else(|| wrong(value, "a list of bits"))?;
    list.iter().map(bit).collect()
}

fn bit(value: &Value) -> Result<Bit, YosysJsonError> {
    let bit = match value {
        Value::Number(number) => number.as_u64().map(Bit::Net),
        Value::String(text) => match text.as_str() {
            "0" => Some(Bit::Constant(false)),
            "1" => Some(Bit::Constant(true)),
            "x" | "z" => Some(Bit::Unknown),
            _ => None,
        },
        _ => None,
    };
    bit.ok_or_else(|| wrong(value, "a net's number, \"0\" or \"1\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_module_has() {
        let json = br#"{"modules": {"m": {
            "attributes": {"top": "1"},
            "ports": {"y": {"direction": "output", "bits": [2, "x", "1"]}},
            "cells": {"g": {"type": "$not", "parameters": {"A_WIDTH": "1"},
                            "connections": {"A": ["z"], "Y": [2]}}},
            "netnames": {"y": {"hide_name": 0, "bits": [2]}, "$1": {"hide_name": 1, "bits": []}}
        }}}"#;
        let modules = parse(json).unwrap();
        let module = &modules["m"];
        assert!(module.attributes.contains_key("top"));
        let y = &module.ports["y"];
        assert_eq!(y.direction, Direction::Output);
        assert_eq!(y.bits, [Bit::Net(2), Bit::Unknown, Bit::Constant(true)]);
        let gate = &module.cells["g"];
        assert_eq!((gate.kind.as_str(), gate.parameters.len()), ("$not", 1));
        assert_eq!(
            (&gate.connections["A"][..], &gate.connections["Y"][..]),
            (&[Bit::Unknown][..], &[Bit::Net(2)][..])
        );
        assert_eq!(["y", "$1"].map(|name| module.net_names[name].hidden), [false, true]);
    }

    #[test]
    fn says_what_yosys_would_not_write() {
        let module = |rest: &str| format!(r#"{{"modules": {{"m": {rest}}}}}"#);
        let port = |port: &str| module(&format!(r#"{{"ports": {{"p": {port}}}, "cells": {{}}}}"#));
        let cell = |cell: &str| module(&format!(r#"{{"ports": {{}}, "cells": {{"c": {cell}}}}}"#));
        let bits =
            |bits: &str| cell(&format!(r#"{{"type": "k", "connections": {{"A": {bits}}}}}"#));
        for (json, expected) in [
            ("{}".to_owned(), r#"found nothing; expected an object "modules" at the top"#),
            (r#"{"modules": 3}"#.to_owned(), r#"found 3; expected an object "modules" at the top"#),
            (module("3"), r#"found nothing; expected an object "ports" in each module"#),
            (module(r#"{"ports": {}}"#), r#"expected an object "cells" in each module"#),
            (port("7"), r#"found 7; expected a port with "direction""#),
            (port(r#"{"direction": "input"}"#), "found null; expected a list of bits"),
            (cell("7"), r#"found 7; expected a cell with "type""#),
            (cell(r#"{"type": "k"}"#), r#"expected an object "connections" in each cell"#),
            (bits("7"), "found 7; expected a list of bits"),
            (bits("[-7]"), r#"found -7; expected a net's number, "0" or "1""#),
            (bits(r#"["q"]"#), r#"found "q"; expected a net's number, "0" or "1""#),
            ("[1".to_owned(), "EOF while parsing"),
        ] {
            let message = parse(json.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}
