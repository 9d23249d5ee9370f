//! Connects the instances of a design to one flat graph.

use super::ast::{Connections, Direction, Expr, GateKind, Instance, Item, Module, VerilogSource};
use super::cells::Library;
use super::error::NetlistError;
use super::graph::{Graph, Node};
use super::scope::Scope;
use crate::files::shorten;

/// Deepest hierarchy.
const MAX_HIERARCHY: usize = 50;

/// Most instances: modules may be used many times each, level upon level.
const MAX_INSTANCES: usize = 1 << 16;

/// Makes the wires and gates of `top` and all that it contains.
pub(crate) fn elaborate<'a>(
    source: &'a VerilogSource,
    top: &'a Module,
    library: &'a Library,
    graph: &mut Graph,
) -> Result<Scope<'a>, NetlistError> {
    let mut elaborator = Elaborator { source, library, graph, parents: Vec::new(), instances: 0 };
    let mut scope = Scope::new(top, String::new(), elaborator.graph)?;
    elaborator.module(&mut scope)?;
    Ok(scope)
}

struct Elaborator<'a, 'g> {
    source: &'a VerilogSource,
    library: &'a Library,
    graph: &'g mut Graph,
    /// The modules around the current one.
    parents: Vec<&'a str>,
    instances: usize,
}

impl<'a> Elaborator<'a, '_> {
    fn module(&mut self, scope: &mut Scope<'a>) -> Result<(), NetlistError> {
        let module = scope.module;
        self.parents.push(&module.name);
        for item in &module.items {
            self.declare_implicit(item, scope)?;
        }
        for item in &module.items {
            match item {
                Item::Assign { at, target, value } => {
                    let target = scope.target(target)?;
                    let value = scope.value(value, target.len(), self.graph)?;
                    for (bit, source) in target.into_iter().zip(value) {
                        self.graph.drive(bit, source, (*at).into())?;
                    }
                }
                Item::Gate { at, kind, terminals } => self.gate(*at, *kind, terminals, scope)?,
                Item::Instance(instance) => self.instance(instance, scope)?,
            }
        }
        self.parents.pop();
        Ok(())
    }

    fn declare_implicit(&mut self, item: &Item, scope: &mut Scope<'a>) -> Result<(), NetlistError> {
        let mut declare = |expr: &Expr| scope.declare_implicit(expr, self.graph);
        match item {
            Item::Assign { target, .. } => declare(target),
            Item::Gate { terminals, .. } => terminals.iter().try_for_each(declare),
            Item::Instance(instance) => match &instance.connections {
                Connections::Positional(list) => list.iter().flatten().try_for_each(declare),
                Connections::Named(list) => {
                    list.iter().filter_map(|(_, expr)| expr.as_ref()).try_for_each(declare)
                }
            },
        }
    }

    fn gate(
        &mut self,
        at: super::lexer::Position,
        kind: GateKind,
        terminals: &[Expr],
        scope: &Scope,
    ) -> Result<(), NetlistError> {
        let inverter = matches!(kind, GateKind::Buf | GateKind::Not);
        // buf and not have one input and any number of outputs; the others the other way round.
        let outputs = if inverter { terminals.len() - 1 } else { 1 };
        if terminals.len() < 2 {
            return Err(NetlistError::Connection {
                at: at.into(),
                cell: "of a gate".to_owned(),
                kind: format!("{kind:?}").to_lowercase(),
                problem: "found 1 terminal, expected an output and an input".to_owned(),
            });
        }
        let mut inputs = Vec::with_capacity(terminals.len() - outputs);
        for terminal in &terminals[outputs..] {
            inputs.push(scope.value(terminal, 1, self.graph)?[0]);
        }
        let graph = &mut *self.graph;
        let (value, inverted) = match kind {
            GateKind::And => (graph.reduce(&inputs, true, Graph::and), false),
            GateKind::Nand => (graph.reduce(&inputs, true, Graph::and), true),
            GateKind::Or => (graph.reduce(&inputs, false, Graph::or), false),
            GateKind::Nor => (graph.reduce(&inputs, false, Graph::or), true),
            GateKind::Xor => (graph.reduce(&inputs, false, Graph::xor), false),
            GateKind::Xnor => (graph.reduce(&inputs, false, Graph::xor), true),
            GateKind::Buf => (inputs[0], false),
            GateKind::Not => (inputs[0], true),
        };
        let value = if inverted { graph.not(value) } else { value };
        for output in &terminals[..outputs] {
            let target = scope.target(output)?;
            self.drive(&target, vec![value], at)?;
        }
        Ok(())
    }

    /// Drives all bits of a target; those without a source by 0, as an assignment would.
    fn drive(
        &mut self,
        target: &[Node],
        value: Vec<Node>,
        at: super::lexer::Position,
    ) -> Result<(), NetlistError> {
        let value = self.graph.resize(value, target.len(), false);
        for (&bit, source) in target.iter().zip(value) {
            self.graph.drive(bit, source, at.into())?;
        }
        Ok(())
    }

    fn instance(&mut self, instance: &'a Instance, scope: &Scope<'a>) -> Result<(), NetlistError> {
        self.instances += 1;
        if self.instances > MAX_INSTANCES {
            return Err(NetlistError::TooLarge {
                what: "the number of instances".to_owned(),
                limit: MAX_INSTANCES.to_string(),
            });
        }
        match self.source.module(&instance.kind) {
            Some(module) => self.submodule(instance, module, scope),
            None => self.cell(instance, scope),
        }
    }

    fn submodule(
        &mut self,
        instance: &'a Instance,
        module: &'a Module,
        scope: &Scope<'a>,
    ) -> Result<(), NetlistError> {
        if self.parents.contains(&module.name.as_str()) {
            return Err(NetlistError::Recursion {
                at: instance.at.into(),
                module: shorten(&module.name),
            });
        }
        if self.parents.len() >= MAX_HIERARCHY {
            return Err(NetlistError::Nesting {
                at: instance.at.into(),
                what: "instances".to_owned(),
                limit: MAX_HIERARCHY,
            });
        }
        let path = format!("{}{}.", scope.path, shorten(&instance.name));
        let mut inner = Scope::new(module, path, self.graph)?;
        for (port, expr) in module_connections(instance, module)? {
            let Some(declaration) = module.declaration(port) else { continue };
            let nodes = inner.signal(port, instance.at)?.nodes.clone();
            if declaration.direction == Some(Direction::Input) {
                let value = scope.value(expr, nodes.len(), self.graph)?;
                self.drive(&nodes, value, instance.at)?;
            } else {
                let target = scope.target(expr)?;
                self.drive(&target, nodes, instance.at)?;
            }
        }
        self.module(&mut inner)
    }

    fn cell(&mut self, instance: &Instance, scope: &Scope) -> Result<(), NetlistError> {
        let connections = match &instance.connections {
            Connections::Named(list) => list,
            Connections::Positional(_) => {
                return Err(NetlistError::UnknownCell {
                    at: instance.at.into(),
                    cell: shorten(&instance.name),
                    kind: shorten(&instance.kind),
                    hint: "a library cell needs named connections such as .A(x); only modules of \
                           the same file may have their ports by position"
                        .to_owned(),
                });
            }
        };
        let pins: Vec<&str> = connections.iter().map(|(pin, _)| pin.as_str()).collect();
        let cell = self.library.find(&instance.kind, &pins).map_err(|problem| {
            let drives = |(pin, expr): &(String, Option<Expr>)| {
                let output = ["Q", "QN", "Y", "Z", "ZN", "O", "X"].contains(&pin.as_str());
                let target = scope.target(expr.as_ref()?).ok()?;
                output.then(|| self.graph.name(target[0]))
            };
            problem.at(
                instance.at.into(),
                &shorten(&instance.name),
                &shorten(&instance.kind),
                connections.iter().find_map(drives),
            )
        })?;
        let mut values = Vec::with_capacity(cell.inputs.len());
        for input in &cell.inputs {
            let connected = connections.iter().find(|(pin, _)| pin == input);
            let node = match connected.and_then(|(_, expr)| expr.as_ref()) {
                Some(expr) => scope.value(expr, 1, self.graph)?[0],
                None => {
                    let name = format!("{}{}.{input}", scope.path, shorten(&instance.name));
                    self.graph.wire(name, None, instance.at.into())?[0]
                }
            };
            values.push((input.as_str(), node));
        }
        for (output, function) in &cell.outputs {
            let connected = connections.iter().find(|(pin, _)| pin == output);
            if let Some(expr) = connected.and_then(|(_, expr)| expr.as_ref()) {
                let value = function.build(&values, self.graph);
                let target = scope.target(expr)?;
                self.drive(&target, vec![value], instance.at)?;
            }
        }
        self.graph.check_size()
    }
}

/// The connected ports of a module, each once.
fn module_connections<'a>(
    instance: &'a Instance,
    module: &'a Module,
) -> Result<Vec<(&'a str, &'a Expr)>, NetlistError> {
    let problem = |problem: String| NetlistError::Connection {
        at: instance.at.into(),
        cell: shorten(&instance.name),
        kind: shorten(&instance.kind),
        problem,
    };
    match &instance.connections {
        Connections::Positional(list) if list.len() > module.ports.len() => Err(problem(format!(
            "found {} connections, expected at most {}",
            list.len(),
            module.ports.len()
        ))),
        Connections::Positional(list) => Ok(module
            .ports
            .iter()
            .zip(list)
            .filter_map(|(port, expr)| Some((port.as_str(), expr.as_ref()?)))
            .collect()),
        Connections::Named(list) => {
            let mut connections = Vec::with_capacity(list.len());
            let mut seen = std::collections::HashSet::new();
            for (port, expr) in list {
                if !seen.insert(port) {
                    return Err(problem(format!("port {} is connected twice", shorten(port))));
                }
                let declared =
                    module.declaration(port).is_some_and(|port| port.direction.is_some());
                if !declared {
                    let ports = shorten(&module.ports.join(", "));
                    return Err(problem(format!(
                        "found a connection to {}, expected one of {ports}",
                        shorten(port)
                    )));
                }
                if let Some(expr) = expr {
                    connections.push((port.as_str(), expr));
                }
            }
            Ok(connections)
        }
    }
}
