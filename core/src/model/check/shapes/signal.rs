//! Windows and spectra, whose sizes are numbers in their inputs.

use super::{Checked, Node, Size, at_least, axis};

pub(super) fn signal(node: &Node) -> Checked {
    let number = |index: usize| match (node.integers(index), node.floats(index)) {
        (Some(&[value]), _) => Some(value),
        (_, Some(&[value])) => Some(value as i64),
        _ => None,
    };
    let positive = |index: usize, what: &'static str| match number(index) {
        Some(value) if value >= 1 => Ok(Ok(value as u128)),
        Some(value) => Err(format!("its {what} is {value}; expected 1 or more")),
        None => Ok(Err(Size::Data(what))),
    };
    match node.proto.op_type.as_str() {
        "MelWeightMatrix" => {
            let bins = positive(0, "num_mel_bins")?;
            let length = positive(1, "dft_length")?;
            Ok(match (bins, length) {
                (Ok(bins), Ok(length)) => Size::of([bins, length / 2 + 1]),
                (Err(unknown), _) | (_, Err(unknown)) => unknown,
            })
        }
        "DFT" => dft(node, number(1), number(2)),
        "STFT" => stft(node, &positive),
        _ => Ok(positive(0, "size")?.map_or_else(|unknown| unknown, Size::Elements)),
    }
}

fn dft(node: &Node, length: Option<i64>, along: Option<i64>) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    at_least(x, 2, "its input")?;
    // The axis became an input in set 20, and its default moved.
    let default = if node.opset < 20 { 1 } else { -2 };
    let axis = axis(along.unwrap_or_else(|| node.int("axis", default)), x.len())?;
    let mut dims: Vec<u128> = x.iter().map(|&dim| dim as u128).collect();
    if node.has(1) {
        let Some(length) = length else { return Ok(Size::Data("dft_length")) };
        dims[axis] = u128::try_from(length)
            .ok()
            .filter(|&length| length > 0)
            .ok_or_else(|| format!("its dft_length is {length}; expected 1 or more"))?;
    }
    // A real signal becomes a complex one.
    Ok(Size::of(dims.into_iter().chain([2])))
}

fn stft(
    node: &Node,
    positive: &dyn Fn(usize, &'static str) -> Result<Result<u128, Size>, String>,
) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    at_least(x, 2, "its signal")?;
    let step = match positive(1, "frame_step")? {
        Ok(step) => step,
        Err(unknown) => return Ok(unknown),
    };
    let length = match (node.has(3), node.shape(2)) {
        (true, _) => match positive(3, "frame_length")? {
            Ok(length) => length,
            Err(unknown) => return Ok(unknown),
        },
        (false, Some(&[window])) => window as u128,
        _ => return Ok(Size::Data("frame_length")),
    };
    let signal = x[1] as u128;
    if length > signal {
        return Err(format!("its frames of {length} are longer than its signal of {signal}"));
    }
    Ok(Size::of([x[0] as u128, (signal - length) / step + 1, length, 2]))
}
