//! Modules as they are written, before their wires are connected.

use super::error::{NetlistError, Place};
use super::lexer::Position;

/// The modules of a source text.
#[derive(Debug)]
pub struct VerilogSource {
    pub(crate) modules: Vec<Module>,
    pub(crate) comments: String,
}

impl VerilogSource {
    /// The text of all comments, where libraries declare error metrics.
    pub fn comments(&self) -> &str {
        &self.comments
    }

    /// The names of the modules, in the order of the text.
    pub fn module_names(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|module| module.name.as_str())
    }

    pub(crate) fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }
}

#[derive(Debug)]
pub(crate) struct Module {
    pub name: String,
    pub at: Position,
    /// Names in the order of the header, for positional connections.
    pub ports: Vec<String>,
    pub declarations: Vec<Declaration>,
    pub items: Vec<Item>,
    /// The first construct in it that is not read here; an error if the module is used.
    pub beyond: Option<(Place, String)>,
}

impl Module {
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.declarations.iter().find(|declaration| declaration.name == name)
    }

    /// The error that tells what is beyond the subset, if anything is.
    pub fn check_subset(&self) -> Result<(), NetlistError> {
        match &self.beyond {
            Some((at, construct)) => Err(NetlistError::BeyondSubset {
                at: *at,
                construct: format!("{construct} in module {}", self.name),
            }),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
}

/// `[left:right]`; either may be the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub left: i64,
    pub right: i64,
}

impl Range {
    pub fn width(self) -> usize {
        self.left.abs_diff(self.right) as usize + 1
    }

    /// The place of an index, counted from the right, if it is in the range.
    pub fn offset(self, index: i64) -> Option<usize> {
        let inside = self.left.min(self.right) <= index && index <= self.left.max(self.right);
        inside.then(|| index.abs_diff(self.right) as usize)
    }

    /// The index at a place counted from the right.
    pub fn index(self, offset: usize) -> i64 {
        if self.left >= self.right {
            self.right + offset as i64
        } else {
            self.right - offset as i64
        }
    }
}

/// A port or a wire.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub name: String,
    pub at: Position,
    pub direction: Option<Direction>,
    /// Declared as a net too, as ports may be in a second statement.
    pub net: bool,
    pub range: Option<Range>,
    pub signed: bool,
}

impl Declaration {
    pub fn width(&self) -> usize {
        self.range.map_or(1, Range::width)
    }
}

#[derive(Debug)]
pub(crate) enum Item {
    Assign { at: Position, target: Expr, value: Expr },
    Gate { at: Position, kind: GateKind, terminals: Vec<Expr> },
    Instance(Instance),
}

/// A module or a cell with its connections.
#[derive(Debug)]
pub(crate) struct Instance {
    pub at: Position,
    pub kind: String,
    pub name: String,
    pub connections: Connections,
}

#[derive(Debug)]
pub(crate) enum Connections {
    Positional(Vec<Option<Expr>>),
    Named(Vec<(String, Option<Expr>)>),
}

/// The primitives of Verilog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GateKind {
    And,
    Nand,
    Or,
    Nor,
    Xor,
    Xnor,
    Buf,
    Not,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub at: Position,
    pub kind: ExprKind,
    /// Of the tree; bounded, so that recursion over it is.
    pub depth: usize,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    /// Lowest bit first; `None` is x or z, of which `text` tells in messages.
    Number {
        bits: Vec<Option<bool>>,
        signed: bool,
        text: String,
    },
    Name(String),
    /// `name[high:low]`, or one bit if both are the same.
    Select {
        name: String,
        high: i64,
        low: i64,
    },
    Concat(Vec<Expr>),
    Repeat(usize, Vec<Expr>),
    Unary(UnaryOp, Box<Expr>),
    /// Two or more operands of one operator; more if it is associative.
    Chain(BinaryOp, Vec<Expr>),
    /// `c0 ? x0 : c1 ? x1 : otherwise`.
    Conditional(Vec<(Expr, Expr)>, Box<Expr>),
    /// `$signed(x)` and `$unsigned(x)`.
    Cast {
        signed: bool,
        operand: Box<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Plus,
    Minus,
    Not,
    LogicalNot,
    ReduceAnd,
    ReduceNand,
    ReduceOr,
    ReduceNor,
    ReduceXor,
    ReduceXnor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    LogicalOr,
    LogicalAnd,
    Or,
    Xor,
    Xnor,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    ArithmeticShiftRight,
    Add,
    Subtract,
    Multiply,
}

impl BinaryOp {
    /// Whether `a op b op c` may be kept as one list.
    pub fn is_associative(self) -> bool {
        use BinaryOp::*;
        matches!(self, LogicalOr | LogicalAnd | Or | Xor | And | Add)
    }
}
