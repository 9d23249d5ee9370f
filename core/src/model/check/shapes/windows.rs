//! Windows that slide over an input: convolutions and pools.

use super::super::text::list;
use super::{Checked, Node, Size, equal, filled};

/// The window's attributes, with defaults, one entry per spatial axis.
struct Window {
    /// Length of the kernel with its gaps.
    extent: Vec<i128>,
    strides: Vec<i128>,
    dilations: Vec<i128>,
    begins: Vec<i128>,
    ends: Vec<i128>,
    same: bool,
    ceil: bool,
}

impl Window {
    fn new(node: &Node, kernel: &[i128]) -> Result<Self, String> {
        let axes = kernel.len();
        let values = |name: &str, length: usize, default: i128| {
            let Some(found) = node.ints(name) else {
                return Ok::<_, String>(vec![default; length]);
            };
            equal(found.len(), length, &format!("number of {name} for {axes} spatial axes"))?;
            Ok(found.iter().map(|&value| i128::from(value)).collect::<Vec<_>>())
        };
        let strides = values("strides", axes, 1)?;
        let dilations = values("dilations", axes, 1)?;
        let auto_pad = node.text("auto_pad", "NOTSET");
        let mut begins = values("pads", 2 * axes, 0)?;
        if auto_pad != "NOTSET" {
            begins = vec![0; 2 * axes];
        }
        let ends = begins.split_off(axes);
        let positive = |values: &[i128]| values.iter().all(|&value| value >= 1);
        if !positive(kernel) || !positive(&strides) || !positive(&dilations) {
            return Err(format!(
                "its kernel is {}, its strides {} and dilations {}; expected 1 or more",
                list(kernel),
                list(&strides),
                list(&dilations)
            ));
        }
        let extent = kernel.iter().zip(&dilations).map(|(k, d)| (k - 1) * d + 1).collect();
        Ok(Self {
            extent,
            strides,
            dilations,
            begins,
            ends,
            same: auto_pad.starts_with("SAME"),
            ceil: node.int("ceil_mode", 0) == 1,
        })
    }

    /// Output sizes along the spatial axes.
    fn outputs(&self, spatial: &[usize]) -> Result<Vec<u128>, String> {
        let mut outputs = Vec::new();
        for (axis, &size) in spatial.iter().enumerate() {
            let (size, stride) = (size as i128, self.strides[axis]);
            if self.same {
                outputs.push(((size + stride - 1) / stride) as u128);
                continue;
            }
            let free = size + self.begins[axis] + self.ends[axis] - self.extent[axis];
            if free < 0 {
                return Err(format!(
                    "its kernel spans {} along spatial axis {axis}, more than the {size} of its \
                     input with padding {} and {}",
                    self.extent[axis], self.begins[axis], self.ends[axis]
                ));
            }
            let steps = if self.ceil { (free + stride - 1) / stride } else { free / stride };
            outputs.push(steps as u128 + 1);
        }
        Ok(outputs)
    }

    /// Every window of a pool must hold an element of the input.
    fn check_pads(&self, spatial: &[usize]) -> Result<(), String> {
        for (axis, &size) in spatial.iter().enumerate() {
            let (begin, end) = (self.begins[axis], self.ends[axis]);
            let (extent, dilation) = (self.extent[axis], self.dilations[axis]);
            let empty = |reason: &str| {
                Err(format!(
                    "its padding {begin} and {end} along spatial axis {axis} {reason}; expected \
                     every window, which spans {extent}, to hold a part of the input's {size}"
                ))
            };
            if begin >= extent || end >= extent {
                return empty("is as long as a window");
            }
            // With gaps, a window that begins before the input may step over all of it.
            let stride = self.strides[axis] as usize;
            let over = |start: &i128| {
                let first = start.rem_euclid(dilation);
                first >= size as i128 || first > start + extent - 1
            };
            if dilation > 1 && (-begin..0).step_by(stride).any(|start| over(&start)) {
                return empty("leaves a window without input");
            }
        }
        Ok(())
    }
}

/// Where an operator has its activations, weights and bias.
fn positions(operator: &str) -> (usize, usize, Option<usize>) {
    match operator {
        "QLinearConv" => (0, 3, Some(8)),
        "ConvInteger" => (0, 1, None),
        "DeformConv" => (0, 1, Some(3)),
        _ => (0, 1, Some(2)),
    }
}

/// Kernel sizes from the weights, which the attribute must agree with.
fn kernel(node: &Node, weights: &[usize]) -> Result<Vec<i128>, String> {
    let spatial = &weights[2..];
    if let Some(declared) = node.ints("kernel_shape") {
        let same = declared.iter().map(|&k| k as i128).eq(spatial.iter().map(|&k| k as i128));
        if !same {
            return Err(format!(
                "its kernel_shape is {}, but its weights have the shape {}",
                list(declared),
                list(weights)
            ));
        }
    }
    Ok(spatial.iter().map(|&size| size as i128).collect())
}

pub(super) fn conv(node: &Node) -> Checked {
    let (x, w, bias) = positions(&node.proto.op_type);
    let Some((x, weights)) = node.shape(x).zip(node.shape(w)) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    equal(weights.len(), x.len(), "dimensions of the weights, as many as of the input")?;
    let group = groups(node)?;
    if weights[1].checked_mul(group) != Some(x[1]) {
        return Err(format!(
            "its input has {} channels; weights of the shape {} in {group} groups need {}",
            x[1],
            list(weights),
            weights[1] as u128 * group as u128
        ));
    }
    if weights[0] == 0 || !weights[0].is_multiple_of(group) {
        return Err(format!("its {} filters do not divide into {group} groups", weights[0]));
    }
    check_bias(node, bias, weights[0])?;
    let outputs = Window::new(node, &kernel(node, weights)?)?.outputs(&x[2..])?;
    Ok(Size::of([x[0] as u128, weights[0] as u128].into_iter().chain(outputs)))
}

pub(super) fn conv_transpose(node: &Node) -> Checked {
    let Some((x, weights)) = node.shape(0).zip(node.shape(1)) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    equal(weights.len(), x.len(), "dimensions of the weights, as many as of the input")?;
    let group = groups(node)?;
    equal(weights[0], x[1], "input channels of the weights")?;
    if !x[1].is_multiple_of(group) {
        return Err(format!("its {} channels do not divide into {group} groups", x[1]));
    }
    let filters = weights[1].saturating_mul(group);
    check_bias(node, Some(2), filters)?;
    let window = Window::new(node, &kernel(node, weights)?)?;
    let axes = x.len() - 2;
    let mut outputs = Vec::new();
    let fixed = node.ints("output_shape");
    let extra = node.ints("output_padding");
    for values in [fixed, extra].into_iter().flatten() {
        equal(values.len(), axes, "spatial axes of output_shape or output_padding")?;
    }
    for axis in 0..axes {
        let (size, stride) = (x[axis + 2] as i128, window.strides[axis]);
        let extra = extra.map_or(0, |extra| i128::from(extra[axis]));
        let whole = stride.saturating_mul(size - 1).saturating_add(extra + window.extent[axis]);
        let output = match fixed {
            Some(fixed) => i128::from(fixed[axis]),
            None if window.same => size.saturating_mul(stride),
            None => whole - window.begins[axis] - window.ends[axis],
        };
        if output < 1 {
            return Err(format!("its output along spatial axis {axis} has the size {output}"));
        }
        // Runtimes compute the whole before they cut the padding off.
        outputs.push(output.max(whole) as u128);
    }
    Ok(Size::of([x[0] as u128, filters as u128].into_iter().chain(outputs)))
}

fn groups(node: &Node) -> Result<usize, String> {
    let group = node.int("group", 1);
    match usize::try_from(group) {
        Ok(found) if found > 0 => Ok(found),
        _ => Err(format!("attribute \"group\" is {group}; expected 1 or more")),
    }
}

fn check_bias(node: &Node, index: Option<usize>, filters: usize) -> Result<(), String> {
    match index.and_then(|index| node.shape(index)) {
        Some(bias) if bias != [filters] => Err(format!(
            "its bias has the shape {}; expected {}, one per filter",
            list(bias),
            list(&[filters])
        )),
        _ => Ok(()),
    }
}

pub(super) fn pool(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    let channels_last = node.int("channels_last", 0) == 1;
    let spatial = if channels_last { &x[1..x.len() - 1] } else { &x[2..] };
    let channels = if channels_last { x[x.len() - 1] } else { x[1] };
    let kernel: Vec<_> =
        node.ints("kernel_shape").unwrap_or_default().iter().map(|&k| i128::from(k)).collect();
    equal(kernel.len(), spatial.len(), "values of kernel_shape, one per spatial axis")?;
    let window = Window::new(node, &kernel)?;
    let outputs = window.outputs(spatial)?;
    window.check_pads(spatial)?;
    Ok(Size::of([x[0] as u128, channels as u128].into_iter().chain(outputs)))
}

pub(super) fn global(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    Ok(Size::like(x))
}

pub(super) fn unpool(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    if let Some(indices) = node.shape(1)
        && indices != x
    {
        return Err(format!("its indices have the shape {}, its input {}", list(indices), list(x)));
    }
    if node.has(2) {
        let Some(shape) = node.integers(2) else { return Ok(Size::Data("output_shape")) };
        equal(shape.len(), x.len(), "length of output_shape")?;
        return super::fill::given(shape, "output_shape");
    }
    let kernel = node.ints("kernel_shape").unwrap_or_default();
    let kernel: Vec<_> = kernel.iter().map(|&k| i128::from(k)).collect();
    equal(kernel.len(), x.len() - 2, "values of kernel_shape, one per spatial axis")?;
    let window = Window::new(node, &kernel)?;
    let grown = x[2..].iter().enumerate().map(|(axis, &size)| {
        let steps = window.strides[axis].saturating_mul(size as i128 - 1);
        steps.saturating_add(window.extent[axis]).max(0) as u128
    });
    Ok(Size::of([x[0] as u128, x[1] as u128].into_iter().chain(grown)))
}
