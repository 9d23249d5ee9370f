//! Words of the language.

use super::ast::{Direction, GateKind};

/// `input` and the like; Some(None) is inout.
pub(crate) fn direction(word: &str) -> Option<Option<Direction>> {
    match word {
        "input" => Some(Some(Direction::Input)),
        "output" => Some(Some(Direction::Output)),
        "inout" => Some(None),
        _ => None,
    }
}

pub(crate) fn is_net(word: &str) -> bool {
    matches!(word, "wire" | "tri" | "logic")
}

pub(crate) fn gate(word: &str) -> Option<GateKind> {
    Some(match word {
        "and" => GateKind::And,
        "nand" => GateKind::Nand,
        "or" => GateKind::Or,
        "nor" => GateKind::Nor,
        "xor" => GateKind::Xor,
        "xnor" => GateKind::Xnor,
        "buf" => GateKind::Buf,
        "not" => GateKind::Not,
        _ => return None,
    })
}

/// Words of the language that are read here.
pub(crate) fn is_keyword(word: &str) -> bool {
    direction(word).is_some()
        || is_net(word)
        || gate(word).is_some()
        || matches!(word, "module" | "endmodule" | "assign" | "signed" | "unsigned")
}

/// Words of the language that begin what only yosys reads.
pub(crate) fn is_beyond_keyword(word: &str) -> bool {
    const WORDS: [&str; 60] = [
        "reg",
        "always",
        "always_comb",
        "always_ff",
        "always_latch",
        "initial",
        "function",
        "endfunction",
        "task",
        "endtask",
        "generate",
        "endgenerate",
        "genvar",
        "parameter",
        "localparam",
        "integer",
        "real",
        "time",
        "realtime",
        "event",
        "specify",
        "endspecify",
        "specparam",
        "defparam",
        "primitive",
        "endprimitive",
        "table",
        "supply0",
        "supply1",
        "wand",
        "wor",
        "tri0",
        "tri1",
        "triand",
        "trior",
        "trireg",
        "bufif0",
        "bufif1",
        "notif0",
        "notif1",
        "nmos",
        "pmos",
        "cmos",
        "tran",
        "pullup",
        "pulldown",
        "begin",
        "end",
        "if",
        "else",
        "case",
        "casex",
        "casez",
        "endcase",
        "for",
        "while",
        "package",
        "typedef",
        "int",
        "interface",
    ];
    WORDS.contains(&word)
}
