//! Attention.

use super::super::text::list;
use super::{Checked, Node, Size, equal};

/// Batches, heads, positions and size of a head, of an input of three or four dimensions.
fn heads(node: &Node, shape: &[usize], attribute: &str) -> Result<[usize; 4], String> {
    if let [batch, heads, positions, size] = *shape {
        return Ok([batch, heads, positions, size]);
    }
    equal(shape.len(), 3, "dimensions of an input of three or four")?;
    let count = node.int(attribute, 0);
    match usize::try_from(count).ok().filter(|&count| count > 0) {
        Some(heads) if shape[2].is_multiple_of(heads) => {
            Ok([shape[0], heads, shape[1], shape[2] / heads])
        }
        _ => Err(format!(
            "{attribute} is {count}; expected a divisor of {}, the last size of {}",
            shape[2],
            list(shape)
        )),
    }
}

pub(super) fn attention(node: &Node) -> Checked {
    let Some(((q, k), v)) = node.shape(0).zip(node.shape(1)).zip(node.shape(2)) else {
        return Ok(Size::Unknown);
    };
    let [batch, query_heads, queries, size] = heads(node, q, "q_num_heads")?;
    let [key_batch, key_heads, keys, key_size] = heads(node, k, "kv_num_heads")?;
    let [value_batch, value_heads, values, value_size] = heads(node, v, "kv_num_heads")?;
    let fits = [key_batch, value_batch] == [batch; 2]
        && key_heads == value_heads
        && keys == values
        && size == key_size
        && key_heads > 0
        && query_heads.is_multiple_of(key_heads);
    if !fits {
        return Err(format!(
            "its query, key and value have the shapes {}, {} and {}, which do not go together",
            list(q),
            list(k),
            list(v)
        ));
    }
    let mut all_keys = keys;
    for index in [4, 5] {
        if !node.has(index) {
            continue;
        }
        let Some(past) = node.shape(index) else { return Ok(Size::Unknown) };
        equal(past.len(), 4, "dimensions of past_key and past_value")?;
        all_keys = all_keys.max(keys.saturating_add(past[2]));
    }
    // The scores are the largest tensor inside; they are an output as well.
    let scores = [batch, query_heads, queries, all_keys];
    let output = [batch, query_heads, queries, value_size];
    let cache = [batch, key_heads, all_keys, value_size.max(size)];
    let elements = [scores, output, cache].map(|shape| super::elements(&shape) as u128);
    Ok(Size::Elements(elements.into_iter().max().unwrap_or(0)))
}
