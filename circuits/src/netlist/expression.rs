//! Parses Verilog expressions, bounded in depth.

use super::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use super::error::{NetlistError, Place};
use super::lexer::{Position, Token};
use super::parser::Parser;

/// Deepest expression, as a tree.
const MAX_DEPTH: usize = 100;

/// Deepest recursion of the parser: each level of binding and each parenthesis counts.
const MAX_NESTING: usize = 100;

/// Most repetitions in `{n{...}}`.
const MAX_REPEAT: i64 = 1 << 16;

impl Parser {
    pub(crate) fn expression(&mut self) -> Result<Expr, NetlistError> {
        let at = self.position();
        let mut choices = Vec::new();
        let mut last = self.binary(0)?;
        while self.accept("?") {
            let value = self.expression()?;
            self.expect(":")?;
            choices.push((last, value));
            last = self.binary(0)?;
        }
        if choices.is_empty() {
            return Ok(last);
        }
        let parts = choices.iter().map(|(condition, value)| condition.depth.max(value.depth));
        let depth = parts.max().unwrap_or(0).max(last.depth);
        expr(at, ExprKind::Conditional(choices, Box::new(last)), depth)
    }

    /// Operators that bind at least as tightly as `lowest`.
    fn binary(&mut self, lowest: u8) -> Result<Expr, NetlistError> {
        let at = self.position();
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(nesting(at));
        }
        let mut left = self.unary()?;
        while let Token::Symbol(symbol) = *self.peek() {
            if ["/", "%", "**"].contains(&symbol) {
                return Err(self.beyond(&format!("the operator `{symbol}`")));
            }
            let Some((operator, binding)) = binary_operator(symbol) else { break };
            if binding < lowest {
                break;
            }
            self.next();
            let right = self.binary(binding + 1)?;
            let right_depth = right.depth;
            left = match left.kind {
                // Parenthesised operands may be merged as well: the operator is associative.
                ExprKind::Chain(same, mut operands)
                    if same == operator && operator.is_associative() =>
                {
                    operands.push(right);
                    let depth = (left.depth - 1).max(right_depth);
                    expr(at, ExprKind::Chain(operator, operands), depth)?
                }
                kind => {
                    let depth = left.depth.max(right_depth);
                    let left = Expr { kind, ..left };
                    expr(at, ExprKind::Chain(operator, vec![left, right]), depth)?
                }
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, NetlistError> {
        let at = self.position();
        let mut operators = Vec::new();
        while let Token::Symbol(symbol) = *self.peek() {
            let Some(operator) = unary_operator(symbol) else { break };
            self.next();
            operators.push(operator);
        }
        let mut operand = self.primary()?;
        for operator in operators.into_iter().rev() {
            let depth = operand.depth;
            operand = expr(at, ExprKind::Unary(operator, Box::new(operand)), depth)?;
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<Expr, NetlistError> {
        let at = self.position();
        match self.peek().clone() {
            Token::Number { bits, signed, text } => {
                self.next();
                expr(at, ExprKind::Number { bits, signed, text }, 0)
            }
            Token::Word(word) if word.starts_with('$') => {
                if word != "$signed" && word != "$unsigned" {
                    return Err(self.beyond(&format!("the system function `{word}`")));
                }
                self.next();
                self.expect("(")?;
                let operand = self.expression()?;
                self.expect(")")?;
                let depth = operand.depth;
                let kind = ExprKind::Cast { signed: word == "$signed", operand: Box::new(operand) };
                expr(at, kind, depth)
            }
            Token::Word(_) | Token::Escaped(_) => self.reference(at),
            Token::Symbol("(") => {
                self.next();
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("{") => self.concatenation(at),
            Token::Directive(name) => Err(self.beyond(&format!("the macro ``{name}`"))),
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// A name, perhaps with a select.
    fn reference(&mut self, at: Position) -> Result<Expr, NetlistError> {
        let name = self.identifier("an expression")?;
        match self.peek() {
            Token::Symbol(".") => return Err(self.beyond("a hierarchical name")),
            Token::Symbol("::") => return Err(self.beyond("a package")),
            Token::Symbol("(") => {
                return Err(self.beyond(&format!("the function call {name}(...)")));
            }
            Token::Symbol("[") => {}
            _ => return expr(at, ExprKind::Name(name), 0),
        }
        self.next();
        let first = self.constant("a select by a variable")?;
        let (high, low) = match self.peek() {
            Token::Symbol(":") => {
                self.next();
                (first, self.constant("a select by a variable")?)
            }
            Token::Symbol(direction @ ("+:" | "-:")) => {
                let up = *direction == "+:";
                self.next();
                let width = self.constant("a width that is not constant")?;
                let far = (width - 1).max(0);
                if up { (first.saturating_add(far), first) } else { (first, first - far) }
            }
            _ => (first, first),
        };
        self.expect("]")?;
        if *self.peek() == Token::Symbol("[") {
            return Err(self.beyond("an array"));
        }
        expr(at, ExprKind::Select { name, high, low }, 0)
    }

    /// `{a, b}` or `{n{a, b}}`.
    fn concatenation(&mut self, at: Position) -> Result<Expr, NetlistError> {
        self.expect("{")?;
        let first = self.expression()?;
        if !self.accept("{") {
            let parts = self.rest_of_list(first, "}")?;
            let depth = depth_of(&parts);
            return expr(at, ExprKind::Concat(parts), depth);
        }
        // Numbers that are no range may be too many copies all the same.
        let count = value_below(&first, 62);
        let first = self.expression()?;
        let parts = self.rest_of_list(first, "}")?;
        self.expect("}")?;
        // Not a matter of syntax, which yosys would be asked about: it would make all the copies.
        if let Some(count) = count.filter(|&count| count > MAX_REPEAT) {
            return Err(NetlistError::TooLarge {
                what: format!("a replication of {count} copies ({})", Place::from(at)),
                limit: format!("{MAX_REPEAT} copies"),
            });
        }
        let count = count.filter(|&count| count > 0).ok_or_else(|| NetlistError::Syntax {
            at: at.into(),
            found: "a replication".to_owned(),
            expected: format!("a constant number of copies from 1 to {MAX_REPEAT}"),
        })?;
        let depth = depth_of(&parts);
        expr(at, ExprKind::Repeat(count as usize, parts), depth)
    }

    /// The list that `first` begins, up to and including `close`.
    pub(crate) fn rest_of_list(
        &mut self,
        first: Expr,
        close: &'static str,
    ) -> Result<Vec<Expr>, NetlistError> {
        let mut list = vec![first];
        while self.accept(",") {
            list.push(self.expression()?);
        }
        self.expect(close)?;
        Ok(list)
    }

    /// An expression of numbers; otherwise `construct` is beyond the subset.
    pub(crate) fn constant(&mut self, construct: &str) -> Result<i64, NetlistError> {
        let at = self.position();
        let value = self.expression()?;
        constant_value(&value).ok_or_else(|| NetlistError::BeyondSubset {
            at: at.into(),
            construct: construct.to_owned(),
        })
    }
}

fn depth_of(parts: &[Expr]) -> usize {
    parts.iter().map(|part| part.depth).max().unwrap_or(0)
}

fn expr(at: Position, kind: ExprKind, deepest_part: usize) -> Result<Expr, NetlistError> {
    let depth = deepest_part + 1;
    if depth > MAX_DEPTH { Err(nesting(at)) } else { Ok(Expr { at, kind, depth }) }
}

fn nesting(at: Position) -> NetlistError {
    NetlistError::Nesting { at: at.into(), what: "an expression".to_owned(), limit: MAX_DEPTH }
}

/// The value of an expression of small numbers.
fn constant_value(value: &Expr) -> Option<i64> {
    value_below(value, 31)
}

/// The value of an expression of numbers, if it and all its parts have at most `width` bits.
fn value_below(value: &Expr, width: usize) -> Option<i64> {
    match &value.kind {
        ExprKind::Number { bits, .. } => {
            let bits: Vec<bool> = bits.iter().copied().collect::<Option<_>>()?;
            let small = bits.iter().rposition(|&bit| bit).is_none_or(|highest| highest < width);
            small.then(|| {
                let low = bits.iter().take(width).enumerate();
                low.map(|(place, &bit)| i64::from(bit) << place).sum()
            })
        }
        ExprKind::Unary(UnaryOp::Minus, operand) => value_below(operand, width)?.checked_neg(),
        ExprKind::Chain(operator, operands) => {
            let mut values = operands.iter().map(|operand| value_below(operand, width));
            let first = values.next()??;
            values.try_fold(first, |left, right| match operator {
                BinaryOp::Add => left.checked_add(right?),
                BinaryOp::Subtract => left.checked_sub(right?),
                BinaryOp::Multiply => left.checked_mul(right?),
                _ => None,
            })
        }
        _ => None,
    }
    .filter(|value| value.unsigned_abs() < 1 << width)
}

fn unary_operator(symbol: &str) -> Option<UnaryOp> {
    Some(match symbol {
        "+" => UnaryOp::Plus,
        "-" => UnaryOp::Minus,
        "~" => UnaryOp::Not,
        "!" => UnaryOp::LogicalNot,
        "&" => UnaryOp::ReduceAnd,
        "~&" => UnaryOp::ReduceNand,
        "|" => UnaryOp::ReduceOr,
        "~|" => UnaryOp::ReduceNor,
        "^" => UnaryOp::ReduceXor,
        "~^" | "^~" => UnaryOp::ReduceXnor,
        _ => return None,
    })
}

/// The operator and how tightly it binds.
fn binary_operator(symbol: &str) -> Option<(BinaryOp, u8)> {
    use BinaryOp::*;
    Some(match symbol {
        "||" => (LogicalOr, 0),
        "&&" => (LogicalAnd, 1),
        "|" => (Or, 2),
        "^" => (Xor, 3),
        "~^" | "^~" => (Xnor, 3),
        "&" => (And, 4),
        "==" | "===" => (Equal, 5),
        "!=" | "!==" => (NotEqual, 5),
        "<" => (Less, 6),
        "<=" => (LessEqual, 6),
        ">" => (Greater, 6),
        ">=" => (GreaterEqual, 6),
        "<<" | "<<<" => (ShiftLeft, 7),
        ">>" => (ShiftRight, 7),
        ">>>" => (ArithmeticShiftRight, 7),
        "+" => (Add, 8),
        "-" => (Subtract, 8),
        "*" => (Multiply, 9),
        _ => return None,
    })
}
