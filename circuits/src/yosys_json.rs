//! The JSON that yosys' `write_json` writes: modules of ports, cells and nets.
//!
//! It is read straight into these types: as values of any JSON, netlists of arrays took several
//! times the time and memory.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::{Map, Value};

use crate::files::shorten;

#[derive(serde::Deserialize)]
#[serde(expecting = "an object with \"modules\"")]
struct Design {
    modules: BTreeMap<String, Module>,
}

/// A module.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(expecting = "a module with \"ports\" and \"cells\"")]
pub struct Module {
    /// What the source says of it, such as `top` or `blackbox`.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// Its ports.
    pub ports: BTreeMap<String, Port>,
    /// What it is made of.
    pub cells: BTreeMap<String, Cell>,
    /// The names of its nets.
    #[serde(default, rename = "netnames")]
    pub net_names: BTreeMap<String, NetName>,
}

/// A port of a module.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(expecting = "a port with \"direction\" and \"bits\"")]
pub struct Port {
    /// The way.
    pub direction: Direction,
    /// Bit 0 first.
    pub bits: Vec<Bit>,
}

/// The way of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Read by the module.
    Input,
    /// Driven by it.
    Output,
    /// Both.
    Inout,
}

/// A gate, a cell on words or an instance of a module.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(expecting = "a cell with \"type\" and \"connections\"")]
pub struct Cell {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its parameters.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What is at its pins, bit 0 first.
    pub connections: BTreeMap<String, Vec<Bit>>,
}

/// A name of nets.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(expecting = "a name of nets with \"bits\"")]
pub struct NetName {
    /// Whether yosys made it up.
    #[serde(default, rename = "hide_name", deserialize_with = "is_above_zero")]
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

/// What yosys would not write, and where it stands.
#[derive(Debug, thiserror::Error)]
#[error("{}", in_short(&.0.to_string()))]
pub struct YosysJsonError(#[source] serde_json::Error);

/// Reads the modules, without connecting anything.
///
/// # Errors
/// If it is not what yosys writes.
pub fn parse(json: &[u8]) -> Result<BTreeMap<String, Module>, YosysJsonError> {
    let design: Design = serde_json::from_slice(json).map_err(YosysJsonError)?;
    Ok(design.modules)
}

/// Without most of what it quotes: the place is at the end.
fn in_short(message: &str) -> String {
    const LONGEST: usize = 200;
    match message.char_indices().nth_back(LONGEST / 2) {
        Some((end, _)) if message.len() > LONGEST => {
            format!("{} {}", shorten(message), &message[end..])
        }
        _ => message.to_owned(),
    }
}

fn is_above_zero<'de, D: Deserializer<'de>>(number: D) -> Result<bool, D::Error> {
    Ok(u64::deserialize(number)? > 0)
}

impl<'de> Deserialize<'de> for Bit {
    fn deserialize<D: Deserializer<'de>>(bit: D) -> Result<Self, D::Error> {
        bit.deserialize_any(BitVisitor)
    }
}

struct BitVisitor;

impl Visitor<'_> for BitVisitor {
    type Value = Bit;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a net's number, \"0\" or \"1\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Bit, E> {
        Ok(Bit::Net(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bit, E> {
        match text {
            "0" => Ok(Bit::Constant(false)),
            "1" => Ok(Bit::Constant(true)),
            "x" | "z" => Ok(Bit::Unknown),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
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
        let long = format!(r#"["{}"]"#, "q".repeat(100_000));
        for (json, expected) in [
            ("{}".to_owned(), "missing field `modules` at line 1 column 2"),
            ("3".to_owned(), r#"integer `3`, expected an object with "modules""#),
            (r#"{"modules": 3}"#.to_owned(), "integer `3`, expected a map"),
            (module("3"), r#"integer `3`, expected a module with "ports" and "cells""#),
            (module(r#"{"cells": {}}"#), "missing field `ports`"),
            (module(r#"{"ports": {}}"#), "missing field `cells`"),
            (port("7"), r#"integer `7`, expected a port with "direction""#),
            (port(r#"{"direction": "input"}"#), "missing field `bits`"),
            (port(r#"{"direction": "up", "bits": []}"#), "`up`, expected one of `input`, `output`"),
            (cell("7"), r#"integer `7`, expected a cell with "type" and "connections""#),
            (cell(r#"{"type": "k"}"#), "missing field `connections`"),
            (bits("7"), "integer `7`, expected a sequence"),
            (bits("[-7]"), r#"integer `-7`, expected a net's number, "0" or "1""#),
            (bits(r#"["q"]"#), r#"string "q", expected a net's number, "0" or "1" at line 1"#),
            (bits(&long), r#"expected a net's number, "0" or "1" at line 1"#),
            (r#"{"modules": {"#.to_owned(), "EOF while parsing"),
        ] {
            let message = parse(json.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
            assert!(message.len() < 300, "{message}");
        }
    }
}
