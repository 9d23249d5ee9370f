//! Cells known by their names: yosys' gates and what standard-cell libraries have in common.
//!
//! Libraries agree on what NAND2 or AOI21 is but not on the pins' names, so the pins that an
//! instance connects are read with the name: outputs by the usual names, the groups of AOI21 by
//! letters (A1 A2 B) or by alphabet (A B C). Where libraries disagree the cell is not known.

use super::cells::{Cell, CellProblem, is_supply};
use crate::files::shorten;
use crate::function::Function;

/// yosys' single-bit gates, with their functions of the pins A, B, C, D and S.
const YOSYS: [(&str, &str); 17] = [
    ("$_BUF_", "A"),
    ("$_NOT_", "!A"),
    ("$_AND_", "A*B"),
    ("$_NAND_", "!(A*B)"),
    ("$_OR_", "A+B"),
    ("$_NOR_", "!(A+B)"),
    ("$_XOR_", "A^B"),
    ("$_XNOR_", "!(A^B)"),
    ("$_ANDNOT_", "A*!B"),
    ("$_ORNOT_", "A+!B"),
    ("$_MUX_", "(S*B)+(!S*A)"),
    ("$_NMUX_", "!((S*B)+(!S*A))"),
    ("$_AOI3_", "!((A*B)+C)"),
    ("$_OAI3_", "!((A+B)*C)"),
    ("$_AOI4_", "!((A*B)+(C*D))"),
    ("$_OAI4_", "!((A+B)*(C+D))"),
    ("$_MUX4_", "(T*((S*D)+(!S*C)))+(!T*((S*B)+(!S*A)))"),
];

/// Names of outputs in standard-cell libraries.
const OUTPUTS: [&str; 18] = [
    "Y", "X", "Z", "ZN", "O", "OUT", "YS", "YC", "S", "CO", "SUM", "COUT", "SN", "CON", "HI", "LO",
    "L_HI", "L_LO",
];

const USE_LIBERTY: &str = "give the library's Liberty file (.lib) for cells, or define the cell as \
                           a module in the same file";

/// The function of a cell by its name, connected at `pins`.
pub(crate) fn find(kind: &str, pins: &[&str]) -> Result<Cell, CellProblem> {
    if let Some((_, function)) = YOSYS.iter().find(|(name, _)| *name == kind) {
        let function = Function::parse(function).map_err(CellProblem::Unknown)?;
        return Ok(Cell::new(vec![("Y".to_owned(), function)]));
    }
    if kind.starts_with("$_")
        && ["DFF", "LATCH", "SR", "FF", "DLATCH"].iter().any(|part| kind.contains(part))
    {
        return Err(CellProblem::Sequential);
    }
    let pins: Vec<&str> = pins.iter().copied().filter(|pin| !is_supply(pin)).collect();
    let mut problem = None;
    for base in base_names(kind) {
        match Family::of(&base) {
            Some(Family::Sequential) => return Err(CellProblem::Sequential),
            Some(family) => match family.cell(&pins) {
                Ok(cell) => return Ok(cell),
                Err(hint) => problem = problem.or(Some(hint)),
            },
            None => {}
        }
    }
    let hint = problem.unwrap_or_else(|| "its name tells no function".to_owned());
    Err(CellProblem::Unknown(format!("{hint}; {USE_LIBERTY}")))
}

/// What can be left of a name without the library and the drive strength.
fn base_names(kind: &str) -> Vec<String> {
    let lower = kind.to_ascii_lowercase();
    let mut name = lower.as_str();
    if let Some((cell, _)) = name.split_once("_asap7") {
        name = cell;
    }
    if let Some((library, cell)) = name.rsplit_once("__")
        && (library.starts_with("sky130_") || library.starts_with("gf180"))
    {
        name = cell;
    }
    name = name.strip_prefix("sg13g2_").unwrap_or(name);
    let mut names = vec![name.to_owned()];
    // _1 as in nand2_1; X1, _X1, x2, xp5 as in NAND2X1, NAND2_X1, NAND2xp5.
    let digits = |text: &str| !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
    if let Some((base, strength)) = name.rsplit_once('_')
        && digits(strength)
    {
        names.push(base.to_owned());
    }
    if let Some((base, strength)) = name.rsplit_once('x')
        && digits(strength.trim_start_matches('p').trim_end_matches(['f', 'r', 'l']))
    {
        names.push(base.trim_end_matches('_').to_owned());
    }
    names
}

enum Family {
    /// And, or, xor of all inputs, those named `..._N` inverted.
    Simple {
        operator: fn(Vec<Function>) -> Function,
        inputs: usize,
        inverted: bool,
    },
    /// Buffer or inverter.
    Single {
        inverted: bool,
    },
    /// AOI, OAI, AO, OA: groups of so many inputs.
    Groups {
        sizes: Vec<usize>,
        and_first: bool,
        inverted: bool,
    },
    Adder {
        inputs: usize,
    },
    Majority {
        inverted: bool,
    },
    Mux,
    Tie(Option<bool>),
    Sequential,
    /// Several meanings, or none that is combinational.
    Unclear(&'static str),
}

impl Family {
    fn of(base: &str) -> Option<Self> {
        let letters = base.trim_end_matches(|character: char| character.is_ascii_digit());
        let number = base[letters.len()..].parse::<usize>().ok();
        let simple = |operator, inverted| {
            let inputs = number.filter(|inputs| (2..=9).contains(inputs))?;
            Some(Self::Simple { operator, inputs, inverted })
        };
        match letters {
            "and" => return simple(Function::And, false),
            "nand" => return simple(Function::And, true),
            "or" => return simple(Function::Or, false),
            "nor" => return simple(Function::Or, true),
            "xor" => return simple(Function::Xor, false),
            "xnor" => return simple(Function::Xor, true),
            "buf" | "clkbuf" | "bufh" => return Some(Self::Single { inverted: false }),
            "inv" | "clkinv" | "not" => return Some(Self::Single { inverted: true }),
            "fa" => return Some(Self::Adder { inputs: 3 }),
            "ha" => return Some(Self::Adder { inputs: 2 }),
            "maj" => return Some(Self::Majority { inverted: false }),
            "maji" => return Some(Self::Majority { inverted: true }),
            "mux" if number == Some(2) => return Some(Self::Mux),
            "tiehi" => return Some(Self::Tie(Some(true))),
            "tielo" => return Some(Self::Tie(Some(false))),
            "logic" => return Some(Self::Tie(number.map(|value| value == 1))),
            "conb" => return Some(Self::Tie(None)),
            "tbuf" | "tinv" | "ebufn" | "einvn" | "einvp" | "ebuf" => {
                return Some(Self::Unclear("a tri-state cell can leave its net floating"));
            }
            _ => {}
        }
        if let Some(rest) = letters.strip_suffix('b') {
            // nand2b, and4bb: how many inputs are inverted is told by their pins.
            let rest = rest.trim_end_matches('b');
            if rest.ends_with(|character: char| character.is_ascii_digit()) {
                return Self::of(rest).filter(|family| matches!(family, Self::Simple { .. }));
            }
        }
        const STORAGE: [&str; 12] = [
            "dff", "sdff", "edff", "latch", "lat", "dlat", "dlh", "dll", "dfxtp", "dfrtp", "dfrbp",
            "dlxtp",
        ];
        if STORAGE.iter().any(|name| letters.starts_with(name)) {
            return Some(Self::Sequential);
        }
        groups(base)
    }

    fn cell(self, pins: &[&str]) -> Result<Cell, String> {
        if let Self::Unclear(reason) = self {
            return Err(reason.to_owned());
        }
        // S is the sum of an adder and the select of a multiplexer.
        let is_output = |pin: &str| {
            OUTPUTS.contains(&pin) && !(matches!(self, Self::Mux) && pin == "S")
                || matches!(self, Self::Tie(_)) && ["H", "L"].contains(&pin)
        };
        let (outputs, mut inputs): (Vec<&str>, Vec<&str>) =
            pins.iter().partition(|pin| is_output(pin));
        inputs.sort_unstable();
        let expect = |count: usize| {
            if inputs.len() == count {
                return Ok(());
            }
            Err(format!("found inputs {}, expected {count} of them", list(&inputs)))
        };
        let single_output = || match outputs[..] {
            [output] => Ok(output.to_owned()),
            _ => Err(format!("found outputs {}, expected one", list(&outputs))),
        };
        let function = match self {
            Self::Simple { operator, inputs: count, inverted } => {
                expect(count)?;
                let operands =
                    inputs.iter().map(|pin| Function::pin(pin).inverted(pin.ends_with("_N")));
                operator(operands.collect()).inverted(inverted)
            }
            Self::Single { inverted } => {
                expect(1)?;
                Function::pin(inputs[0]).inverted(inverted)
            }
            Self::Groups { sizes, and_first, inverted } => {
                expect(sizes.iter().sum())?;
                if inputs.iter().any(|pin| pin.ends_with("_N")) {
                    return Err("some of its inputs may be inverted".to_owned());
                }
                group_function(&inputs, &sizes, and_first)?.inverted(inverted)
            }
            Self::Majority { inverted } => {
                expect(3)?;
                majority(&inputs).inverted(inverted)
            }
            Self::Mux => multiplexer(&inputs, &outputs)?,
            Self::Adder { inputs: count } => {
                expect(count)?;
                let outputs = outputs.iter().map(|&output| {
                    let sum = Function::Xor(inputs.iter().map(|pin| Function::pin(pin)).collect());
                    let carry = if count == 3 {
                        majority(&inputs)
                    } else {
                        Function::And(inputs.iter().map(|pin| Function::pin(pin)).collect())
                    };
                    match output {
                        "YS" | "S" | "SUM" => Ok((output.to_owned(), sum)),
                        "SN" => Ok((output.to_owned(), sum.inverted(true))),
                        "YC" | "CO" | "COUT" => Ok((output.to_owned(), carry)),
                        "CON" => Ok((output.to_owned(), carry.inverted(true))),
                        _ => Err(format!("found output {output}, expected a sum or a carry")),
                    }
                });
                return Ok(Cell::new(outputs.collect::<Result<_, _>>()?));
            }
            Self::Tie(value) => {
                let outputs = outputs.iter().map(|&output| {
                    let value = value.unwrap_or(output.contains("HI"));
                    (output.to_owned(), Function::Constant(value))
                });
                return Ok(Cell::new(outputs.collect()));
            }
            Self::Sequential | Self::Unclear(_) => {
                return Err("it is not combinational".to_owned());
            }
        };
        Ok(Cell::new(vec![(single_output()?, function)]))
    }
}

/// aoi21, oai221, ao22, oa21; a21oi, a22o, o21ai, o21a, a211oi.
fn groups(base: &str) -> Option<Family> {
    const FORMS: [(&str, &str, bool, bool); 8] = [
        ("aoi", "", true, true),
        ("oai", "", false, true),
        ("ao", "", true, false),
        ("oa", "", false, false),
        ("a", "oi", true, true),
        ("o", "ai", false, true),
        ("a", "o", true, false),
        ("o", "a", false, false),
    ];
    FORMS.iter().find_map(|&(prefix, suffix, and_first, inverted)| {
        let digits = base.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let sizes: Option<Vec<usize>> = digits
            .chars()
            .map(|digit| digit.to_digit(10).filter(|size| (1..=4).contains(size)))
            .map(|size| size.map(|size| size as usize))
            .collect();
        let sizes = sizes.filter(|sizes| (2..=4).contains(&sizes.len()))?;
        Some(Family::Groups { sizes, and_first, inverted })
    })
}

/// The function of grouped inputs, which are sorted.
fn group_function(inputs: &[&str], sizes: &[usize], and_first: bool) -> Result<Function, String> {
    let letter = |pin: &str| pin.chars().next();
    let mut lettered: Vec<Vec<&str>> = Vec::new();
    for &pin in inputs {
        match lettered.last_mut() {
            Some(group) if letter(group[0]) == letter(pin) => group.push(pin),
            _ => lettered.push(vec![pin]),
        }
    }
    let sorted = |mut sizes: Vec<usize>| {
        sizes.sort_unstable();
        sizes
    };
    let groups = if sorted(lettered.iter().map(Vec::len).collect()) == sorted(sizes.to_vec()) {
        lettered
    } else if inputs.iter().all(|pin| pin.len() == 1) {
        // A, B, C, D: in the order of the digits.
        let mut rest = inputs;
        sizes
            .iter()
            .map(|&size| {
                let (group, after) = rest.split_at(size);
                rest = after;
                group.to_vec()
            })
            .collect()
    } else {
        return Err(format!("its inputs {} do not group as its name says", list(inputs)));
    };
    let (inner, outer): (fn(_) -> _, fn(_) -> _) =
        if and_first { (Function::And, Function::Or) } else { (Function::Or, Function::And) };
    let group = |pins: Vec<&str>| inner(pins.into_iter().map(Function::pin).collect());
    Ok(outer(groups.into_iter().map(group).collect()))
}

fn majority(inputs: &[&str]) -> Function {
    let pair = |a: usize, b: usize| {
        Function::And(vec![Function::pin(inputs[a]), Function::pin(inputs[b])])
    };
    Function::Or(vec![pair(0, 1), pair(0, 2), pair(1, 2)])
}

fn multiplexer(inputs: &[&str], outputs: &[&str]) -> Result<Function, String> {
    let (low, high, select) = match (inputs, outputs) {
        (["A0", "A1", "S"], _) => ("A0", "A1", "S"),
        (["D0", "D1", "S"], _) => ("D0", "D1", "S"),
        (["I0", "I1", "S"], _) => ("I0", "I1", "S"),
        (["A", "B", "S"], ["Z"]) => ("A", "B", "S"),
        _ => {
            return Err("libraries disagree on which input it chooses and whether it inverts \
                        (MUX2X1 inverts in the OSU library, not in EvoApproxLib)"
                .to_owned());
        }
    };
    let and = |pin: &str, inverted| {
        Function::And(vec![Function::pin(pin), Function::pin(select).inverted(inverted)])
    };
    Ok(Function::Or(vec![and(high, false), and(low, true)]))
}

fn list(pins: &[&str]) -> String {
    if pins.is_empty() { "none".to_owned() } else { shorten(&pins.join(", ")) }
}
