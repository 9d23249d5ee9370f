//! The names of one instance of a module, and the values of expressions over them.

use std::collections::HashMap;

use super::ast::{BinaryOp, Declaration, Expr, ExprKind, Module, Range, UnaryOp};
use super::error::NetlistError;
use super::graph::{Graph, Node};
use super::lexer::Position;
use super::vector::Order;
use crate::files::shorten;

/// Bits of the widest expression.
const MAX_WIDTH: usize = 1 << 16;

/// A declared name with its wire.
pub(crate) struct Signal {
    pub nodes: Vec<Node>,
    pub range: Option<Range>,
    pub signed: bool,
}

pub(crate) struct Scope<'a> {
    pub module: &'a Module,
    /// `top.u1.` or empty; for the names of wires.
    pub path: String,
    signals: HashMap<String, Signal>,
}

impl<'a> Scope<'a> {
    /// Makes the wires of a module.
    pub fn new(module: &'a Module, path: String, graph: &mut Graph) -> Result<Self, NetlistError> {
        module.check_subset()?;
        let mut scope = Self { module, path, signals: HashMap::new() };
        for declaration in &module.declarations {
            scope.declare(declaration, graph)?;
        }
        Ok(scope)
    }

    fn declare(&mut self, new: &Declaration, graph: &mut Graph) -> Result<(), NetlistError> {
        let name = format!("{}{}", self.path, shorten(&new.name));
        let nodes = graph.wire(name, new.range, new.at.into())?;
        let signal = Signal { nodes, range: new.range, signed: new.signed };
        self.signals.insert(new.name.clone(), signal);
        Ok(())
    }

    /// Declares the undeclared names among targets and terminals, which Verilog takes for wires of
    /// one bit.
    pub fn declare_implicit(
        &mut self,
        target: &Expr,
        graph: &mut Graph,
    ) -> Result<(), NetlistError> {
        match &target.kind {
            ExprKind::Name(name) if !self.signals.contains_key(name) => {
                let declaration = Declaration {
                    name: name.clone(),
                    at: target.at,
                    direction: None,
                    net: true,
                    range: None,
                    signed: false,
                };
                self.declare(&declaration, graph)
            }
            ExprKind::Concat(parts) => {
                parts.iter().try_for_each(|part| self.declare_implicit(part, graph))
            }
            _ => Ok(()),
        }
    }

    pub fn signal(&self, name: &str, at: Position) -> Result<&Signal, NetlistError> {
        self.signals
            .get(name)
            .ok_or_else(|| NetlistError::Undeclared { at: at.into(), name: shorten(name) })
    }

    /// The bits that an expression names as the target of an assignment.
    pub fn target(&self, target: &Expr) -> Result<Vec<Node>, NetlistError> {
        match &target.kind {
            ExprKind::Name(name) => Ok(self.signal(name, target.at)?.nodes.clone()),
            ExprKind::Select { name, high, low } => self.select(target.at, name, *high, *low),
            ExprKind::Concat(parts) => {
                let mut nodes = Vec::new();
                for part in parts.iter().rev() {
                    nodes.extend(self.target(part)?);
                    check_width(nodes.len(), target.at)?;
                }
                Ok(nodes)
            }
            _ => Err(NetlistError::Syntax {
                at: target.at.into(),
                found: "an expression".to_owned(),
                expected: "a wire, a part of one, or a concatenation of them to drive".to_owned(),
            }),
        }
    }

    fn select(
        &self,
        at: Position,
        name: &str,
        high: i64,
        low: i64,
    ) -> Result<Vec<Node>, NetlistError> {
        let signal = self.signal(name, at)?;
        let out_of_range = || NetlistError::OutOfRange {
            at: at.into(),
            select: if high == low {
                format!("{}[{high}]", shorten(name))
            } else {
                format!("{}[{high}:{low}]", shorten(name))
            },
            name: shorten(name),
            declared: match signal.range {
                Some(Range { left, right }) => format!("[{left}:{right}]"),
                None => "as a single bit".to_owned(),
            },
        };
        let range = signal.range.ok_or_else(out_of_range)?;
        let left = range.offset(high).ok_or_else(out_of_range)?;
        let right = range.offset(low).ok_or_else(out_of_range)?;
        if left < right {
            return Err(out_of_range());
        }
        Ok(signal.nodes[right..=left].to_vec())
    }

    /// The value of an expression that is assigned to `width` bits.
    pub fn value(
        &self,
        expr: &Expr,
        width: usize,
        graph: &mut Graph,
    ) -> Result<Vec<Node>, NetlistError> {
        let signed = self.is_signed(expr)?;
        let context = width.max(self.width(expr)?);
        let value = self.evaluate(expr, context, signed, graph)?;
        Ok(graph.resize(value, width, signed))
    }

    /// The value in the width that the expression itself has.
    fn own_value(&self, expr: &Expr, graph: &mut Graph) -> Result<Vec<Node>, NetlistError> {
        self.value(expr, self.width(expr)?, graph)
    }

    fn width(&self, expr: &Expr) -> Result<usize, NetlistError> {
        let width = match &expr.kind {
            ExprKind::Number { bits, .. } => bits.len(),
            ExprKind::Name(name) => self.signal(name, expr.at)?.nodes.len(),
            ExprKind::Select { name, high, low } => self.select(expr.at, name, *high, *low)?.len(),
            ExprKind::Concat(parts) => self.total_width(parts)?,
            ExprKind::Repeat(count, parts) => count.saturating_mul(self.total_width(parts)?),
            ExprKind::Unary(operator, operand) => match operator {
                UnaryOp::Plus | UnaryOp::Minus | UnaryOp::Not => self.width(operand)?,
                _ => 1,
            },
            ExprKind::Chain(operator, operands) => match shape(*operator) {
                Shape::Context => self.widest(operands)?,
                Shape::Shift => self.width(&operands[0])?,
                Shape::Comparison | Shape::Logical => 1,
            },
            ExprKind::Conditional(choices, otherwise) => {
                let mut width = self.width(otherwise)?;
                for (_, value) in choices {
                    width = width.max(self.width(value)?);
                }
                width
            }
            ExprKind::Cast { operand, .. } => self.width(operand)?,
        };
        check_width(width, expr.at)?;
        Ok(width)
    }

    fn total_width(&self, parts: &[Expr]) -> Result<usize, NetlistError> {
        parts.iter().try_fold(0, |total, part| Ok(total + self.width(part)?))
    }

    fn widest(&self, operands: &[Expr]) -> Result<usize, NetlistError> {
        operands.iter().try_fold(0, |widest, operand| Ok(self.width(operand)?.max(widest)))
    }

    fn is_signed(&self, expr: &Expr) -> Result<bool, NetlistError> {
        Ok(match &expr.kind {
            ExprKind::Number { signed, .. } | ExprKind::Cast { signed, .. } => *signed,
            ExprKind::Name(name) => self.signal(name, expr.at)?.signed,
            ExprKind::Select { .. } | ExprKind::Concat(_) | ExprKind::Repeat(..) => false,
            ExprKind::Unary(operator, operand) => {
                matches!(operator, UnaryOp::Plus | UnaryOp::Minus | UnaryOp::Not)
                    && self.is_signed(operand)?
            }
            ExprKind::Chain(operator, operands) => match shape(*operator) {
                Shape::Context => self.all_signed(operands)?,
                Shape::Shift => self.is_signed(&operands[0])?,
                Shape::Comparison | Shape::Logical => false,
            },
            ExprKind::Conditional(choices, otherwise) => {
                let mut signed = self.is_signed(otherwise)?;
                for (_, value) in choices {
                    signed = signed && self.is_signed(value)?;
                }
                signed
            }
        })
    }

    fn all_signed(&self, operands: &[Expr]) -> Result<bool, NetlistError> {
        operands.iter().try_fold(true, |all, operand| Ok(self.is_signed(operand)? && all))
    }

    /// The value in a context of at least the expression's own width, which reaches down to its
    /// operands as Verilog demands.
    fn evaluate(
        &self,
        expr: &Expr,
        width: usize,
        signed: bool,
        graph: &mut Graph,
    ) -> Result<Vec<Node>, NetlistError> {
        graph.check_size()?;
        let bits = match &expr.kind {
            ExprKind::Number { bits, text, .. } => {
                let node = |&bit: &Option<bool>| match bit {
                    Some(value) => Ok(graph.constant(value)),
                    None => graph.unknown(format!("`{}`", shorten(text)), expr.at.into()),
                };
                bits.iter().map(node).collect::<Result<_, _>>()?
            }
            ExprKind::Name(name) => self.signal(name, expr.at)?.nodes.clone(),
            ExprKind::Select { name, high, low } => self.select(expr.at, name, *high, *low)?,
            ExprKind::Concat(parts) => self.concatenate(parts, graph)?,
            ExprKind::Repeat(count, parts) => {
                // Within bounds: width() has been asked first.
                self.concatenate(parts, graph)?.repeat(*count)
            }
            ExprKind::Cast { operand, .. } => self.own_value(operand, graph)?,
            ExprKind::Unary(operator, operand) => {
                self.unary(*operator, operand, width, signed, graph)?
            }
            ExprKind::Chain(operator, operands) => {
                self.chain(*operator, operands, width, signed, graph)?
            }
            ExprKind::Conditional(choices, otherwise) => {
                let mut result = self.evaluate(otherwise, width, signed, graph)?;
                for (condition, value) in choices.iter().rev() {
                    let condition = self.own_value(condition, graph)?;
                    let condition = graph.truth(&condition);
                    let value = self.evaluate(value, width, signed, graph)?;
                    result = graph.choose(condition, &value, &result);
                }
                result
            }
        };
        Ok(graph.resize(bits, width, signed))
    }

    fn concatenate(&self, parts: &[Expr], graph: &mut Graph) -> Result<Vec<Node>, NetlistError> {
        let mut bits = Vec::new();
        for part in parts.iter().rev() {
            bits.extend(self.own_value(part, graph)?);
        }
        Ok(bits)
    }

    fn unary(
        &self,
        operator: UnaryOp,
        operand: &Expr,
        width: usize,
        signed: bool,
        graph: &mut Graph,
    ) -> Result<Vec<Node>, NetlistError> {
        if let UnaryOp::Plus | UnaryOp::Minus | UnaryOp::Not = operator {
            let value = self.evaluate(operand, width, signed, graph)?;
            return Ok(match operator {
                UnaryOp::Minus => graph.negate(&value),
                UnaryOp::Not => graph.invert(&value),
                _ => value,
            });
        }
        let bits = self.own_value(operand, graph)?;
        let (bit, inverted) = match operator {
            UnaryOp::ReduceAnd => (graph.reduce(&bits, true, Graph::and), false),
            UnaryOp::ReduceNand => (graph.reduce(&bits, true, Graph::and), true),
            UnaryOp::ReduceXor => (graph.reduce(&bits, false, Graph::xor), false),
            UnaryOp::ReduceXnor => (graph.reduce(&bits, false, Graph::xor), true),
            UnaryOp::ReduceOr => (graph.truth(&bits), false),
            _ => (graph.truth(&bits), true),
        };
        // One bit, zero-extended whatever the context's sign.
        let bit = if inverted { graph.not(bit) } else { bit };
        Ok(graph.resize(vec![bit], width, false))
    }

    fn chain(
        &self,
        operator: BinaryOp,
        operands: &[Expr],
        width: usize,
        signed: bool,
        graph: &mut Graph,
    ) -> Result<Vec<Node>, NetlistError> {
        match shape(operator) {
            Shape::Context => {
                let mut result = self.evaluate(&operands[0], width, signed, graph)?;
                for operand in &operands[1..] {
                    let operand = self.evaluate(operand, width, signed, graph)?;
                    result = match operator {
                        BinaryOp::Or => graph.bitwise(&result, &operand, Graph::or),
                        BinaryOp::Xor => graph.bitwise(&result, &operand, Graph::xor),
                        BinaryOp::And => graph.bitwise(&result, &operand, Graph::and),
                        BinaryOp::Add => graph.add(&result, &operand),
                        BinaryOp::Subtract => graph.subtract(&result, &operand),
                        BinaryOp::Multiply => graph.multiply(&result, &operand)?,
                        _ => {
                            let different = graph.bitwise(&result, &operand, Graph::xor);
                            graph.invert(&different)
                        }
                    };
                }
                Ok(result)
            }
            Shape::Shift => {
                let value = self.evaluate(&operands[0], width, signed, graph)?;
                let by = self.own_value(&operands[1], graph)?;
                let arithmetic = operator == BinaryOp::ArithmeticShiftRight && signed;
                let shift = |graph: &Graph, bits: Vec<Node>, by: usize| match operator {
                    BinaryOp::ShiftLeft => graph.shift_left(bits, by),
                    _ => graph.shift_right(bits, by, arithmetic),
                };
                Ok(graph.shift_by(value, &by, shift))
            }
            Shape::Comparison => {
                let width_of_operands = self.widest(operands)?;
                let signed = self.all_signed(operands)?;
                let left = self.evaluate(&operands[0], width_of_operands, signed, graph)?;
                let right = self.evaluate(&operands[1], width_of_operands, signed, graph)?;
                let bit = match operator {
                    BinaryOp::Equal => graph.equal(&left, &right),
                    BinaryOp::NotEqual => {
                        let equal = graph.equal(&left, &right);
                        graph.not(equal)
                    }
                    BinaryOp::Less => graph.compare(Order::Less, &left, &right, signed),
                    BinaryOp::LessEqual => graph.compare(Order::LessEqual, &left, &right, signed),
                    BinaryOp::Greater => graph.compare(Order::Greater, &left, &right, signed),
                    _ => graph.compare(Order::GreaterEqual, &left, &right, signed),
                };
                Ok(graph.resize(vec![bit], width, false))
            }
            Shape::Logical => {
                let mut truths = Vec::with_capacity(operands.len());
                for operand in operands {
                    let value = self.own_value(operand, graph)?;
                    truths.push(graph.truth(&value));
                }
                let gate = if operator == BinaryOp::LogicalAnd { Graph::and } else { Graph::or };
                let bit = graph.reduce(&truths, false, gate);
                Ok(graph.resize(vec![bit], width, false))
            }
        }
    }
}

/// How the widths of an operator and its operands hang together.
enum Shape {
    /// All have the width of the context.
    Context,
    /// The left operand has the width of the context, the right its own.
    Shift,
    /// The operands have a common width, the result one bit.
    Comparison,
    /// All are truth values.
    Logical,
}

fn shape(operator: BinaryOp) -> Shape {
    use BinaryOp::*;
    match operator {
        Or | Xor | Xnor | And | Add | Subtract | Multiply => Shape::Context,
        ShiftLeft | ShiftRight | ArithmeticShiftRight => Shape::Shift,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => Shape::Comparison,
        LogicalOr | LogicalAnd => Shape::Logical,
    }
}

fn check_width(width: usize, at: Position) -> Result<(), NetlistError> {
    if width <= MAX_WIDTH {
        return Ok(());
    }
    Err(NetlistError::TooLarge {
        what: format!("the vector in line {}, column {}", at.line, at.column),
        limit: format!("{MAX_WIDTH} bits"),
    })
}
