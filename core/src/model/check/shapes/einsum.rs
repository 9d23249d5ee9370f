//! Einsum: its equation against the shapes.

use std::collections::HashMap;

use super::super::text::{count, list, shown};
use super::{Checked, Node, Size, broadcast};

/// The letters of one term, and where its ellipsis stands.
struct Term {
    before: Vec<char>,
    after: Option<Vec<char>>,
}

impl Term {
    fn new(text: &str) -> Result<Self, String> {
        let letters = |text: &str| -> Result<Vec<char>, String> {
            match text.chars().find(|letter| !letter.is_ascii_alphabetic()) {
                Some(other) => Err(format!(
                    "a term holds \"{}\"; expected letters and at most one \"...\"",
                    shown(&other.to_string())
                )),
                None => Ok(text.chars().collect()),
            }
        };
        Ok(match text.split_once("...") {
            Some((before, after)) => {
                Self { before: letters(before)?, after: Some(letters(after)?) }
            }
            None => Self { before: letters(text)?, after: None },
        })
    }

    fn letters(&self) -> impl Iterator<Item = &char> {
        self.before.iter().chain(self.after.iter().flatten())
    }
}

pub(super) fn einsum(node: &Node) -> Checked {
    let equation = node.text("equation", "").replace(' ', "");
    check(node, &equation)
        .map_err(|reason| format!("its equation \"{}\": {reason}", shown(&equation)))
}

fn check(node: &Node, equation: &str) -> Checked {
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation, None),
    };
    let terms = left.split(',').map(Term::new).collect::<Result<Vec<_>, _>>()?;
    if terms.len() != node.proto.input.len() {
        return Err(format!(
            "{} for {}",
            count(terms.len(), "term"),
            count(node.proto.input.len(), "input")
        ));
    }
    let output = right.map(Term::new).transpose()?;
    let mut uses: HashMap<char, usize> = HashMap::new();
    for &letter in terms.iter().flat_map(Term::letters) {
        *uses.entry(letter).or_default() += 1;
    }
    if let Some(output) = &output {
        let mut written = Vec::new();
        for letter in output.letters() {
            if !uses.contains_key(letter) || written.contains(letter) {
                return Err(format!(
                    "its output names {letter}, which is in no term, or twice in the output"
                ));
            }
            written.push(*letter);
        }
    }
    let Some(shapes) = node.shapes() else { return Ok(Size::Unknown) };
    let mut sizes: HashMap<char, usize> = HashMap::new();
    let mut inner: Vec<Vec<usize>> = Vec::new();
    for (term, shape) in terms.iter().zip(&shapes) {
        bind(term, shape, &mut sizes, &mut inner)?;
    }
    let inner: Vec<&[usize]> = inner.iter().map(Vec::as_slice).collect();
    let between = broadcast(&inner)?;
    // Without an output, letters that occur once are kept.
    let kept: Vec<char> = match &output {
        Some(output) => output.letters().copied().collect(),
        None => uses.iter().filter(|(_, uses)| **uses == 1).map(|(letter, _)| *letter).collect(),
    };
    let with_inner = output.is_none_or(|output| output.after.is_some());
    let dims = kept.iter().map(|letter| sizes.get(letter).copied().unwrap_or(1) as u128);
    let between = between.into_iter().filter(|_| with_inner).map(|dim| dim as u128);
    Ok(Size::of(dims.chain(between)))
}

/// Gives a term's letters the sizes of its input.
fn bind(
    term: &Term,
    shape: &[usize],
    sizes: &mut HashMap<char, usize>,
    inner: &mut Vec<Vec<usize>>,
) -> Result<(), String> {
    let named = term.letters().count();
    let fits = if term.after.is_some() { named <= shape.len() } else { named == shape.len() };
    if !fits {
        return Err(format!("a term of {} for the shape {}", count(named, "letter"), list(shape)));
    }
    let end = shape.len() - term.after.as_ref().map_or(0, Vec::len);
    let tail = term.after.iter().flatten().zip(&shape[end..]);
    for (&letter, &size) in term.before.iter().zip(shape).chain(tail) {
        let known = sizes.entry(letter).or_insert(size);
        if *known == 1 {
            *known = size;
        } else if size != 1 && *known != size {
            return Err(format!("letter {letter} stands for the sizes {known} and {size}"));
        }
    }
    if term.after.is_some() {
        inner.push(shape[term.before.len()..end].to_vec());
    }
    Ok(())
}
