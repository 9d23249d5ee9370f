//! Which module is the multiplier, and which of its ports are the operands and the product.

use super::ast::{Declaration, Direction, VerilogSource};
use super::error::NetlistError;
use crate::files::shorten;

/// The ports of a multiplier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortNames {
    /// The first operand.
    pub a: String,
    /// The second operand.
    pub b: String,
    /// The product.
    pub out: String,
}

/// A port as far as the choice needs it.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub name: String,
    pub direction: Direction,
    pub width: usize,
}

/// A module as far as the choice needs it.
#[derive(Debug)]
pub(crate) struct Summary {
    pub name: String,
    pub ports: Vec<Port>,
    /// Another module contains it.
    pub contained: bool,
    /// yosys marked it as the top.
    pub marked: bool,
}

/// Pairs of names, in lower case, that operands usually have.
const OPERANDS: [(&str, &str); 12] = [
    ("a", "b"),
    ("x", "y"),
    ("in1", "in2"),
    ("in0", "in1"),
    ("ina", "inb"),
    ("a_in", "b_in"),
    ("in_a", "in_b"),
    ("i_a", "i_b"),
    ("op1", "op2"),
    ("op_a", "op_b"),
    ("w", "a"),
    ("multiplicand", "multiplier"),
];

/// Names, in lower case, that the product usually has.
const PRODUCTS: [&str; 14] =
    ["o", "out", "output", "p", "prod", "product", "y", "z", "r", "res", "result", "c", "s", "q"];

impl Summary {
    fn list(&self) -> String {
        if self.ports.is_empty() {
            return "no ports".to_owned();
        }
        let port = |port: &Port| {
            let direction = if port.direction == Direction::Input { "input" } else { "output" };
            format!("{direction} {} of {} bits", shorten(&port.name), port.width)
        };
        // Enough to see what is wrong, even of a generated module with thousands.
        let mut text = self.ports.iter().take(8).map(port).collect::<Vec<_>>().join(", ");
        if self.ports.len() > 8 {
            text += ", ...";
        }
        text
    }

    fn error(&self, problem: String) -> NetlistError {
        NetlistError::Ports { module: shorten(&self.name), problem, found: self.list() }
    }

    /// The operands and the product: those requested, or the only ones of their width, or among
    /// those the ones with the usual names.
    pub fn choose_ports(&self, requested: Option<&PortNames>) -> Result<PortNames, NetlistError> {
        if let Some(names) = requested {
            self.check(&names.a, Direction::Input, 8)?;
            self.check(&names.b, Direction::Input, 8)?;
            self.check(&names.out, Direction::Output, 16)?;
            if names.a == names.b {
                return Err(self.error(format!("both operands are to be {}", names.a)));
            }
            return Ok(names.clone());
        }
        let of_kind = |direction, width| -> Vec<&Port> {
            let fits = |port: &&Port| port.direction == direction && port.width == width;
            self.ports.iter().filter(fits).collect()
        };
        let inputs = of_kind(Direction::Input, 8);
        let outputs = of_kind(Direction::Output, 16);
        let named = |ports: &[&Port], name: &str| {
            ports.iter().find(|port| port.name.eq_ignore_ascii_case(name)).map(|p| p.name.clone())
        };
        let usual_pair =
            || OPERANDS.iter().find_map(|(a, b)| Some((named(&inputs, a)?, named(&inputs, b)?)));
        let (a, b) = match (inputs.len(), usual_pair()) {
            (2.., Some(pair)) => pair,
            (2, None) => (inputs[0].name.clone(), inputs[1].name.clone()),
            (0 | 1, _) => {
                let count = inputs.len();
                return Err(self.error(format!("{count} of its inputs have 8 bits")));
            }
            _ => {
                return Err(self.error(
                    "more than two of its inputs have 8 bits; name the operands".to_owned(),
                ));
            }
        };
        let out = match outputs[..] {
            [output] => output.name.clone(),
            [] => return Err(self.error("none of its outputs has 16 bits".to_owned())),
            _ => {
                let usual = PRODUCTS.iter().find_map(|name| named(&outputs, name));
                usual.ok_or_else(|| {
                    self.error("several of its outputs have 16 bits; name the product".to_owned())
                })?
            }
        };
        Ok(PortNames { a, b, out })
    }

    fn check(&self, name: &str, direction: Direction, width: usize) -> Result<(), NetlistError> {
        let fits =
            |port: &Port| port.name == name && port.direction == direction && port.width == width;
        if self.ports.iter().any(fits) {
            return Ok(());
        }
        let kind = if direction == Direction::Input { "input" } else { "output" };
        Err(self.error(format!("it has no {kind} {} of {width} bits", shorten(name))))
    }
}

impl VerilogSource {
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let contained: std::collections::HashSet<&str> = self
            .modules
            .iter()
            .flat_map(|module| &module.items)
            .filter_map(|item| match item {
                super::ast::Item::Instance(instance) => Some(instance.kind.as_str()),
                _ => None,
            })
            .collect();
        let port = |declaration: &Declaration| {
            Some(Port {
                name: declaration.name.clone(),
                direction: declaration.direction?,
                width: declaration.width(),
            })
        };
        let summary = |module: &super::ast::Module| Summary {
            name: module.name.clone(),
            ports: module.declarations.iter().filter_map(port).collect(),
            contained: contained.contains(module.name.as_str()),
            marked: false,
        };
        self.modules.iter().map(summary).collect()
    }
}

/// The module to read: the requested one, or the one that yosys marked, or the only one with
/// the ports of a multiplier that no other contains, or the only one with such ports. By number.
pub(crate) fn choose_top(
    modules: &[Summary],
    requested: Option<&str>,
    ports: Option<&PortNames>,
) -> Result<usize, NetlistError> {
    let error = |problem: String| {
        let mut list: Vec<_> = modules
            .iter()
            .take(8)
            .map(|module| format!("{} ({})", shorten(&module.name), module.list()))
            .collect();
        if modules.len() > 8 {
            list.push("...".to_owned());
        }
        let found = if list.is_empty() { "none".to_owned() } else { list.join("; ") };
        NetlistError::Top { problem, found }
    };
    if let Some(name) = requested {
        let found = modules.iter().position(|module| module.name == name);
        return found.ok_or_else(|| error(format!("there is no module {}", shorten(name))));
    }
    // A single module is it, so that what is wrong with its ports is said.
    if modules.len() == 1 {
        return Ok(0);
    }
    let all = |wanted: &dyn Fn(&Summary) -> bool| -> Vec<usize> {
        (0..modules.len()).filter(|&place| wanted(&modules[place])).collect()
    };
    let fits = |module: &Summary| module.choose_ports(ports).is_ok();
    let marked = all(&|module| module.marked);
    let outermost = all(&|module| !module.contained && fits(module));
    for candidates in [marked, outermost, all(&fits)] {
        match candidates[..] {
            [] => {}
            [module] => return Ok(module),
            _ => return Err(error("several modules could be the multiplier".to_owned())),
        }
    }
    Err(error("no module has two inputs of 8 bits and an output of 16 bits".to_owned()))
}
