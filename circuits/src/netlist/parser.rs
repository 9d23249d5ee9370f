//! Parses modules of the combinational, structural subset of Verilog.

use std::collections::HashMap;

use super::ast::{
    Connections, Direction, Expr, ExprKind, GateKind, Instance, Item, Module, Range, VerilogSource,
};
use super::declare::{Kind, ModuleBuilder};
use super::error::NetlistError;
use super::keywords::{direction, gate, is_beyond_keyword, is_keyword, is_net};
use super::lexer::{Position, Token, tokenize};
use crate::files::shorten;

/// Longest source text; the largest circuit that the writer makes has 6 MB.
pub(crate) const MAX_SOURCE: usize = 16 << 20;

/// Widest vector.
const MAX_WIDTH: usize = 1 << 16;

/// Reads the modules of a source text, without connecting anything.
pub fn parse_verilog(text: &str) -> Result<VerilogSource, NetlistError> {
    let mut comments = String::new();
    let modules = parse_files(&[text], &mut comments)?;
    Ok(VerilogSource { modules, comments })
}

/// Reads the modules of several source texts. Their comments are collected even if there is an
/// error.
pub(crate) fn parse_files(
    texts: &[&str],
    comments: &mut String,
) -> Result<Vec<Module>, NetlistError> {
    if texts.iter().map(|text| text.len()).sum::<usize>() > MAX_SOURCE {
        return Err(NetlistError::TooLarge {
            what: "the source text".to_owned(),
            limit: format!("{} MiB", MAX_SOURCE >> 20),
        });
    }
    // One file needs no number.
    let numbered = (u16::from(texts.len() > 1)..).zip(texts);
    let tokens: Vec<_> = numbered.map(|(file, text)| tokenize(text, file, comments)).collect();
    let mut modules: Vec<Module> = Vec::new();
    let mut places = HashMap::new();
    for tokens in tokens {
        let mut parser = Parser { tokens: tokens?, next: 0, depth: 0 };
        while *parser.peek() != Token::End {
            let at = parser.position();
            let module = parser.module()?;
            if let Some(first) = places.insert(module.name.clone(), at) {
                return Err(NetlistError::Duplicate {
                    at: at.into(),
                    name: format!("module {}", shorten(&module.name)),
                    first: first.into(),
                });
            }
            modules.push(module);
        }
    }
    Ok(modules)
}

pub(crate) struct Parser {
    tokens: Vec<(Token, Position)>,
    next: usize,
    pub(crate) depth: usize,
}

impl Parser {
    pub(crate) fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    pub(crate) fn position(&self) -> Position {
        self.tokens[self.next].1
    }

    /// Goes on to the next token; the end stays the end.
    pub(crate) fn next(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    pub(crate) fn accept(&mut self, symbol: &'static str) -> bool {
        let found = *self.peek() == Token::Symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        if found {
            self.next();
        }
        found
    }

    pub(crate) fn expect(&mut self, symbol: &'static str) -> Result<(), NetlistError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    pub(crate) fn unexpected(&self, expected: &str) -> NetlistError {
        NetlistError::Syntax {
            at: self.position().into(),
            found: self.peek().describe(),
            expected: expected.to_owned(),
        }
    }

    pub(crate) fn beyond(&self, construct: &str) -> NetlistError {
        NetlistError::BeyondSubset { at: self.position().into(), construct: construct.to_owned() }
    }

    pub(crate) fn identifier(&mut self, expected: &str) -> Result<String, NetlistError> {
        let name = match self.peek() {
            Token::Word(word) if is_beyond_keyword(word) => {
                return Err(self.beyond(&format!("`{word}`")));
            }
            Token::Word(word) if !is_keyword(word) => word.clone(),
            Token::Escaped(name) => name.clone(),
            Token::Directive(name) => return Err(self.beyond(&format!("the macro ``{name}`"))),
            _ => return Err(self.unexpected(expected)),
        };
        self.next();
        Ok(name)
    }

    fn module(&mut self) -> Result<Module, NetlistError> {
        match self.peek() {
            Token::Directive(name) => return Err(self.beyond(&format!("the directive ``{name}`"))),
            Token::Word(word) if is_beyond_keyword(word) => {
                return Err(self.beyond(&format!("`{word}`")));
            }
            _ => {}
        }
        if !self.accept_word("module") {
            return Err(self.unexpected("`module`"));
        }
        let at = self.position();
        let name = self.identifier("a module's name")?;
        let mut module = ModuleBuilder::new(Module {
            name,
            at,
            ports: Vec::new(),
            declarations: Vec::new(),
            items: Vec::new(),
            beyond: None,
        });
        match self.header(&mut module).and_then(|()| self.body(&mut module)) {
            Ok(()) => {}
            Err(NetlistError::BeyondSubset { at, construct }) => {
                module.module.beyond = Some((at, construct));
                self.skip_module()?;
            }
            Err(error) => return Err(error),
        }
        module.finish()
    }

    /// Skips what cannot be read; other modules may not need it.
    fn skip_module(&mut self) -> Result<(), NetlistError> {
        self.depth = 0;
        while !self.accept_word("endmodule") {
            if *self.peek() == Token::End {
                return Err(self.unexpected("`endmodule`"));
            }
            self.next();
        }
        Ok(())
    }

    fn header(&mut self, module: &mut ModuleBuilder) -> Result<(), NetlistError> {
        if *self.peek() == Token::Symbol("#") {
            return Err(self.beyond("a parameter list"));
        }
        if self.accept("(") && !self.accept(")") {
            let mut kind = None;
            loop {
                if let Token::Word(word) = self.peek()
                    && let Some(direction) = direction(word)
                {
                    kind = Some(self.port_kind(direction)?);
                }
                let at = self.position();
                let name = self.identifier("a port")?;
                module.module.ports.push(name.clone());
                if let Some(kind) = kind {
                    module.declare(kind.declaration(name, at))?;
                }
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.expect(";")
    }

    fn body(&mut self, module: &mut ModuleBuilder) -> Result<(), NetlistError> {
        loop {
            let at = self.position();
            let word = match self.peek().clone() {
                Token::Word(word) => word,
                Token::Escaped(_) => String::new(),
                Token::Directive(name) => {
                    return Err(self.beyond(&format!("the directive ``{name}`")));
                }
                Token::Symbol(";") => {
                    self.next();
                    continue;
                }
                _ => return Err(self.unexpected("a declaration, assign, gate or `endmodule`")),
            };
            if word == "endmodule" {
                self.next();
                return Ok(());
            } else if let Some(direction) = direction(&word) {
                let kind = self.port_kind(direction)?;
                self.names(module, kind)?;
            } else if is_net(&word) {
                let kind = self.net_kind()?;
                self.names(module, kind)?;
            } else if word == "assign" {
                self.next();
                self.assignments(module)?;
            } else if let Some(kind) = gate(&word) {
                self.next();
                self.gates(module, kind)?;
            } else if is_beyond_keyword(&word) {
                return Err(self.beyond(&format!("`{word}`")));
            } else {
                self.instances(module, at)?;
            }
        }
    }

    /// `input wire signed [7:0]`.
    fn port_kind(&mut self, direction: Option<Direction>) -> Result<Kind, NetlistError> {
        self.next();
        let net = match self.peek() {
            Token::Word(word) if word == "reg" => return Err(self.beyond("`reg`")),
            Token::Word(word) if is_net(word) => {
                self.next();
                true
            }
            _ => false,
        };
        Ok(Kind { port: Some(direction), net, ..self.signed_range()? })
    }

    fn net_kind(&mut self) -> Result<Kind, NetlistError> {
        self.next();
        Ok(Kind { port: None, net: true, ..self.signed_range()? })
    }

    fn signed_range(&mut self) -> Result<Kind, NetlistError> {
        let signed = self.accept_word("signed");
        if !signed {
            self.accept_word("unsigned");
        }
        let at = self.position();
        let mut range = None;
        if self.accept("[") {
            let left = self.constant("a range that is not constant")?;
            self.expect(":")?;
            let right = self.constant("a range that is not constant")?;
            self.expect("]")?;
            let declared = Range { left, right };
            if declared.width() > MAX_WIDTH {
                return Err(NetlistError::TooLarge {
                    what: format!("the vector [{left}:{right}] in line {}", at.line),
                    limit: format!("{MAX_WIDTH} bits"),
                });
            }
            range = Some(declared);
            if *self.peek() == Token::Symbol("[") {
                return Err(self.beyond("an array of vectors"));
            }
        }
        if *self.peek() == Token::Symbol("#") {
            return Err(self.beyond("a delay"));
        }
        Ok(Kind { port: None, net: false, range, signed })
    }

    /// `a, b = x & y, c;`
    fn names(&mut self, module: &mut ModuleBuilder, kind: Kind) -> Result<(), NetlistError> {
        loop {
            let at = self.position();
            let name = self.identifier("a name")?;
            if *self.peek() == Token::Symbol("[") {
                return Err(self.beyond("an array"));
            }
            module.declare(kind.declaration(name.clone(), at))?;
            if self.accept("=") {
                let value = self.expression()?;
                let target = Expr { at, kind: ExprKind::Name(name), depth: 1 };
                module.module.items.push(Item::Assign { at, target, value });
            }
            if !self.accept(",") {
                return self.expect(";");
            }
        }
    }

    fn assignments(&mut self, module: &mut ModuleBuilder) -> Result<(), NetlistError> {
        if *self.peek() == Token::Symbol("#") {
            return Err(self.beyond("a delay"));
        }
        loop {
            let at = self.position();
            let target = self.expression()?;
            self.expect("=")?;
            let value = self.expression()?;
            module.module.items.push(Item::Assign { at, target, value });
            if !self.accept(",") {
                return self.expect(";");
            }
        }
    }

    /// `and g1(y, a, b), (z, c, d);`
    fn gates(&mut self, module: &mut ModuleBuilder, kind: GateKind) -> Result<(), NetlistError> {
        if *self.peek() == Token::Symbol("#") {
            return Err(self.beyond("a delay"));
        }
        loop {
            let at = self.position();
            if *self.peek() != Token::Symbol("(") {
                self.identifier("a gate's name or `(`")?;
            }
            if *self.peek() == Token::Symbol("[") {
                return Err(self.beyond("an array of gates"));
            }
            self.expect("(")?;
            let first = self.expression()?;
            let terminals = self.rest_of_list(first, ")")?;
            module.module.items.push(Item::Gate { at, kind, terminals });
            if !self.accept(",") {
                return self.expect(";");
            }
        }
    }

    /// `HAX1 n1(.A(a), .B(b), .YS(s), .YC(c)), n2(...);`
    fn instances(&mut self, module: &mut ModuleBuilder, at: Position) -> Result<(), NetlistError> {
        let kind = self.identifier("a module or cell")?;
        if *self.peek() == Token::Symbol("#") {
            return Err(self.beyond("a parameter of an instance"));
        }
        loop {
            let name = self.identifier("an instance's name")?;
            if *self.peek() == Token::Symbol("[") {
                return Err(self.beyond("an array of instances"));
            }
            self.expect("(")?;
            let connections = self.connections()?;
            self.expect(")")?;
            let kind = kind.clone();
            module.module.items.push(Item::Instance(Instance { at, kind, name, connections }));
            if !self.accept(",") {
                return self.expect(";");
            }
        }
    }

    fn connections(&mut self) -> Result<Connections, NetlistError> {
        if *self.peek() == Token::Symbol(".") {
            let mut named = Vec::new();
            loop {
                self.expect(".")?;
                if *self.peek() == Token::Symbol("*") {
                    return Err(self.beyond("the connection `.*`"));
                }
                let pin = self.identifier("a port's name")?;
                self.expect("(")?;
                let value = if *self.peek() == Token::Symbol(")") {
                    None
                } else {
                    Some(self.expression()?)
                };
                self.expect(")")?;
                named.push((pin, value));
                if !self.accept(",") {
                    return Ok(Connections::Named(named));
                }
            }
        }
        let mut positional = Vec::new();
        if *self.peek() != Token::Symbol(")") {
            loop {
                let open = matches!(self.peek(), Token::Symbol("," | ")"));
                positional.push(if open { None } else { Some(self.expression()?) });
                if !self.accept(",") {
                    break;
                }
            }
        }
        Ok(Connections::Positional(positional))
    }
}
