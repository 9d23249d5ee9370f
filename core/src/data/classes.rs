//! Which class folder is which class.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::DataError;
use recoup_circuits::{printable, read_text};

/// How many names a note shows.
const SHOWN: usize = 12;

/// The order of classes where nobody gave one: numbers by value, other names byte by byte, as
/// torchvision's `ImageFolder` has them. Sorts `names`, and gives a note where another order is as
/// likely the one that a network was trained with.
pub(super) fn sort(names: &mut [String]) -> Option<String> {
    names.sort();
    let by_name = names.to_vec();
    let numbers = names.iter().filter(|name| is_number(name)).count();
    if numbers == names.len() {
        names.sort_by(|a, b| natural(a, b));
        return (names != by_name).then(|| {
            format!(
                "class folders are numbers and ordered by value: {}; torchvision's ImageFolder \
                 orders them by name: {}",
                list(names),
                list(&by_name)
            )
        });
    }
    let doubtful = numbers > 0 || !names.is_sorted_by(|a, b| natural(a, b) != Ordering::Greater);
    doubtful.then(|| format!("class folders are ordered by name, byte by byte: {}", list(names)))
}

fn list(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| printable(name)).collect();
    let rest = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{}{rest}", shown.join(", "))
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares names with the numbers in them by value; equal ones, such as 1 and 01, byte by byte.
fn natural(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

/// A run of digits or of anything else.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    /// Number of digits without leading zeros, and these.
    Number(usize, &'a str),
    Text(&'a str),
}

fn pieces(name: &str) -> impl Iterator<Item = Piece<'_>> {
    name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).scan(
        0,
        |start, run| {
            let text = &name[*start..*start + run.len()];
            *start += run.len();
            let digits = text.trim_start_matches('0');
            Some(match run[0].is_ascii_digit() {
                true => Piece::Number(digits.len(), digits),
                false => Piece::Text(text),
            })
        },
    )
}

/// Reads the order of the classes of `folder` from a file with a name in each line, which must
/// have each of `names` once.
pub(super) fn read(file: &Path, folder: &Path, names: &[String]) -> Result<Vec<String>, DataError> {
    let text = read_text(file).map_err(|source| match source.kind() {
        std::io::ErrorKind::InvalidData => DataError::ClassesText { path: file.into() },
        _ => DataError::open(file, source),
    })?;
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
    let known: HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for (name, line) in text.lines().zip(1..) {
        if !known.contains(name) {
            return Err(DataError::ClassUnknown {
                path: file.into(),
                line,
                class: name.into(),
                folder: folder.into(),
            });
        }
        if let Some(first) = lines.insert(name, line) {
            let class = name.into();
            return Err(DataError::ClassTwice { path: file.into(), line, class, first });
        }
    }
    let mut missing = names.iter().filter(|name| !lines.contains_key(name.as_str()));
    if let Some(class) = missing.next() {
        return Err(DataError::ClassMissing {
            path: file.into(),
            line: lines.len(),
            class: class.clone(),
            missing: 1 + missing.count(),
            folder: folder.into(),
        });
    }
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
