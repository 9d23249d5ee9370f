//! Small inputs that stand for whole tables.
//!
//! A table in text takes some 131 kB at least, of which a fuzzer changes nothing that matters in
//! any reasonable time. Control characters repeat what comes before them, or list all pairs.

/// Repeats what is before it, back to the last separator, 255 times: one cell becomes a row.
pub const REPEAT_CELL: u8 = 1;

/// Repeats the line before it 255 times: one row becomes a table.
pub const REPEAT_LINE: u8 = 2;

/// A line for each pair: weight, code and product, with the separator that was used last.
pub const ALL_PAIRS: u8 = 3;

/// More than this is no table.
const MAX_BYTES: usize = 1 << 20;

/// The text that an input stands for.
pub fn expand(input: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for &byte in input {
        let is_start: fn(&u8) -> bool = match byte {
            REPEAT_CELL => |byte| b",;\t {\n".contains(byte),
            REPEAT_LINE => |byte| *byte == b'\n',
            ALL_PAIRS => {
                push_pairs(&mut text);
                continue;
            }
            _ => {
                text.push(byte);
                continue;
            }
        };
        // The last byte ends what is repeated.
        let inside = text.len().saturating_sub(1);
        let start = text[..inside].iter().rposition(is_start).map_or(0, |position| position + 1);
        let part = text[start..].to_vec();
        if text.len() + 255 * part.len() <= MAX_BYTES {
            text.extend(part.repeat(255));
        }
    }
    text
}

fn push_pairs(text: &mut Vec<u8>) {
    let separator = text.iter().rev().find(|byte| b",;\t ".contains(byte)).copied();
    let separator = char::from(separator.unwrap_or(b','));
    let pairs = (0..1 << 16).map(|pair| (pair >> 8, pair & 255));
    let lines = pairs.map(|(w, a)| format!("{w}{separator}{a}{separator}{}\n", w * a));
    let lines = lines.collect::<String>();
    if text.len() + lines.len() <= MAX_BYTES {
        text.extend(lines.bytes());
    }
}
