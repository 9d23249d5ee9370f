//! Collects the declarations of a module and checks them.

use std::collections::HashMap;

use super::ast::{Declaration, Direction, Module, Range};
use super::error::NetlistError;
use super::lexer::Position;
use crate::files::shorten;

/// What a declaration says of each of its names.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// None: not a port. Some(None): inout.
    pub port: Option<Option<Direction>>,
    pub net: bool,
    pub range: Option<Range>,
    pub signed: bool,
}

impl Kind {
    pub fn declaration(self, name: String, at: Position) -> (Declaration, bool) {
        let inout = self.port == Some(None);
        let Self { port, net, range, signed } = self;
        (Declaration { name, at, direction: port.flatten(), net, range, signed }, inout)
    }
}

/// A module while it is read, with its names at hand.
pub(crate) struct ModuleBuilder {
    pub module: Module,
    places: HashMap<String, usize>,
}

impl ModuleBuilder {
    pub fn new(module: Module) -> Self {
        Self { module, places: HashMap::new() }
    }

    /// A port may be declared once as a port and once as a net.
    pub fn declare(&mut self, (new, inout): (Declaration, bool)) -> Result<(), NetlistError> {
        if inout {
            return Err(NetlistError::Inout { at: new.at.into(), name: new.name });
        }
        let Some(&place) = self.places.get(&new.name) else {
            self.places.insert(new.name.clone(), self.module.declarations.len());
            self.module.declarations.push(new);
            return Ok(());
        };
        let old = &mut self.module.declarations[place];
        let port_twice = old.direction.is_some() && new.direction.is_some();
        if port_twice || (old.net && new.net) || old.range != new.range {
            return Err(NetlistError::Duplicate {
                at: new.at.into(),
                name: shorten(&new.name),
                first: old.at.into(),
            });
        }
        old.direction = old.direction.or(new.direction);
        old.net |= new.net;
        old.signed |= new.signed;
        Ok(())
    }

    /// Checks that every port has a direction, each once.
    pub fn finish(self) -> Result<Module, NetlistError> {
        let Self { module, places } = self;
        if module.beyond.is_some() {
            return Ok(module);
        }
        let mut seen = HashMap::new();
        for port in &module.ports {
            let declaration = places.get(port).map(|&place| &module.declarations[place]);
            let port_at = declaration.map_or(module.at, |declaration| declaration.at);
            if declaration.is_none_or(|declaration| declaration.direction.is_none()) {
                return Err(NetlistError::Syntax {
                    at: port_at.into(),
                    found: format!(
                        "port {} of module {} without a direction",
                        shorten(port),
                        shorten(&module.name)
                    ),
                    expected: "an `input` or `output` declaration of it".to_owned(),
                });
            }
            if seen.insert(port, ()).is_some() {
                return Err(NetlistError::Duplicate {
                    at: module.at.into(),
                    name: format!("port {}", shorten(port)),
                    first: port_at.into(),
                });
            }
        }
        let stray = module.declarations.iter().find(|declaration| {
            declaration.direction.is_some() && !seen.contains_key(&declaration.name)
        });
        match stray {
            Some(declaration) => Err(NetlistError::Syntax {
                at: declaration.at.into(),
                found: format!("port {} that the module's header does not list", declaration.name),
                expected: format!("it in the header of module {}", shorten(&module.name)),
            }),
            None => Ok(module),
        }
    }
}
