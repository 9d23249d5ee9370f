//! LSTM, GRU and RNN.

use super::super::text::list;
use super::{Checked, Node, Size, equal};

pub(super) fn recurrent(node: &Node) -> Checked {
    let gates = match node.proto.op_type.as_str() {
        "LSTM" => 4,
        "GRU" => 3,
        _ => 1,
    };
    let directions = if node.text("direction", "forward") == "bidirectional" { 2 } else { 1 };
    let Some(((x, w), r)) = node.shape(0).zip(node.shape(1)).zip(node.shape(2)) else {
        return Ok(Size::Unknown);
    };
    for (shape, what) in [(x, "input"), (w, "W"), (r, "R")] {
        equal(shape.len(), 3, &format!("dimensions of its {what}"))?;
    }
    let hidden = r[2];
    let rows = hidden.saturating_mul(gates);
    if let Some(declared) = crate::model::attributes::int(node.proto, "hidden_size")
        && declared != hidden as i64
    {
        return Err(format!("its hidden_size is {declared}, but R has the shape {}", list(r)));
    }
    let (batch_axis, time_axis) = if node.int("layout", 0) == 1 { (0, 1) } else { (1, 0) };
    let (batch, time) = (x[batch_axis], x[time_axis]);
    let expect = |index: usize, name: &str, expected: &[usize]| match node.shape(index) {
        Some(shape) if shape != expected => {
            Err(format!("its {name} has the shape {}; expected {}", list(shape), list(expected)))
        }
        _ => Ok(()),
    };
    let state =
        if batch_axis == 0 { [batch, directions, hidden] } else { [directions, batch, hidden] };
    expect(1, "W", &[directions, rows, x[2]])?;
    expect(2, "R", &[directions, rows, hidden])?;
    expect(3, "B", &[directions, rows.saturating_mul(2)])?;
    expect(4, "sequence_lens", &[batch])?;
    expect(5, "initial_h", &state)?;
    if gates == 4 {
        expect(6, "initial_c", &state)?;
        expect(7, "P", &[directions, hidden.saturating_mul(3)])?;
    }
    if let Some(lengths) = node.integers(4)
        && let Some(length) = lengths.iter().find(|&&length| length < 0 || length > time as i64)
    {
        return Err(format!("its sequence_lens holds {length}; expected 0 to {time}"));
    }
    Ok(Size::like(&[time.max(1), directions, batch, hidden]))
}
