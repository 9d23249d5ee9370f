//! Pools with dilations, and those of a norm.

use crate::model::tensor;

use super::builder::{whole, with};
use super::defaults::windowed;
use super::{Builder, Known, pb};
use crate::model::attributes::{attribute, float, int, ints};

/// Says what a pool's window leaves to be inferred; takes dilated windows apart.
pub(super) fn pool(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let (Some(Some(input)), Some(kernel)) = (known.first(), ints(node, "kernel_shape")) else {
        return Ok(false);
    };
    let sizes = input.shape.get(2..).unwrap_or_default();
    if sizes.len() != kernel.len() || kernel.iter().any(|&side| side < 1) {
        return Err(format!("kernel_shape = {kernel:?} does not fit an input {:?}", input.shape));
    }
    if sizes.len() > 2 {
        return Err("pools over more than two axes, which Recoup does not run".into());
    }
    let kernel: Vec<usize> = kernel.iter().map(|&side| side as usize).collect();
    if windowed(builder, node, sizes, &kernel)? {
        return Ok(true);
    }
    let dilated =
        ints(node, "dilations").is_some_and(|values| values.iter().any(|&value| value > 1));
    if dilated {
        return dilated_pool(builder, node, sizes, &kernel);
    }
    // The order of the indices, which are another output.
    if attribute(node, "storage_order").is_some() && node.output.len() == 1 {
        builder.push(with(node, &["storage_order"], vec![]));
        return Ok(true);
    }
    Ok(false)
}

/// The maximum or the mean of one strided slice per element of the window.
fn dilated_pool(
    builder: &mut Builder,
    node: &pb::NodeProto,
    sizes: &[usize],
    kernel: &[usize],
) -> Result<bool, String> {
    let axes = kernel.len();
    let list_of = |name: &str| ints(node, name).expect("said by windowed").to_vec();
    let (strides, dilations, pads) = (list_of("strides"), list_of("dilations"), list_of("pads"));
    let ceil = int(node, "ceil_mode").unwrap_or(0) != 0;
    let outputs: Vec<i64> = (0..axes)
        .map(|axis| {
            let extent = (kernel[axis] as i64 - 1) * dilations[axis] + 1;
            let room = sizes[axis] as i64 + pads[axis] + pads[axis + axes] - extent;
            let last = if ceil {
                (room + strides[axis] - 1) / strides[axis]
            } else {
                room / strides[axis]
            };
            // A window that would begin behind the image and its padding is left out.
            let last = if last * strides[axis] >= sizes[axis] as i64 + pads[axis] {
                last - 1
            } else {
                last
            };
            last + 1
        })
        .collect();
    if outputs.iter().any(|&count| count < 1) {
        return Err(format!("has a window that is larger than its padded input {sizes:?}"));
    }
    let taps: usize = kernel.iter().product();
    if taps > 1024 {
        return Err(format!("has a dilated window of {taps} elements; expected at most 1024"));
    }
    // So much padding that every slice is whole.
    let mut before = vec![0, 0];
    let mut after = vec![0, 0];
    for axis in 0..axes {
        let reach =
            (outputs[axis] - 1) * strides[axis] + (kernel[axis] as i64 - 1) * dilations[axis] + 1;
        before.push(pads[axis] as i32);
        after.push((reach - sizes[axis] as i64 - pads[axis]).max(0) as i32);
    }
    let amounts = builder.integers(&[before, after].concat());
    let mean = node.op_type == "AveragePool";
    let outside = builder.float(if mean { 0.0 } else { f32::NEG_INFINITY });
    let padded = builder.node(node, "Pad", &[&node.input[0], &amounts, &outside], vec![]);
    let spatial: Vec<i32> = (2..2 + axes as i32).collect();
    let mut slices = Vec::with_capacity(taps);
    for tap in 0..taps {
        let mut rest = tap;
        let (mut starts, mut ends) = (vec![0; axes], vec![0; axes]);
        for axis in (0..axes).rev() {
            let start = (rest % kernel[axis]) as i64 * dilations[axis];
            rest /= kernel[axis];
            starts[axis] = start as i32;
            ends[axis] = (start + (outputs[axis] - 1) * strides[axis] + 1) as i32;
        }
        let steps: Vec<i32> = strides.iter().map(|&stride| stride as i32).collect();
        let inputs = [
            builder.integers(&starts),
            builder.integers(&ends),
            builder.integers(&spatial),
            builder.integers(&steps),
        ];
        let [starts, ends, spatial, steps] = &inputs;
        slices.push(builder.node(node, "Slice", &[&padded, starts, ends, spatial, steps], vec![]));
    }
    let slices: Vec<&str> = slices.iter().map(String::as_str).collect();
    if !mean {
        builder.last(node, "Max", &slices, vec![], &node.output[0]);
        return Ok(true);
    }
    let sum = builder.node(node, "Sum", &slices, vec![]);
    // The share of an axis in the number of elements that each window holds.
    let counted = int(node, "count_include_pad").unwrap_or(0) != 0;
    let mut inverse = vec![1.0];
    let mut shape = vec![1, 1];
    for axis in 0..axes {
        let size = sizes[axis] as i64;
        let (first, end) =
            if counted { (-pads[axis], size + pads[axis + axes]) } else { (0, size) };
        let held = (0..outputs[axis]).map(|output| {
            let taps = (0..kernel[axis] as i64)
                .map(|tap| output * strides[axis] - pads[axis] + tap * dilations[axis]);
            taps.filter(|place| (first..end).contains(place)).count().max(1) as f32
        });
        let held: Vec<f32> = held.collect();
        inverse = inverse.iter().flat_map(|all| held.iter().map(move |one| all / one)).collect();
        shape.push(held.len());
    }
    let inverse = builder.constant(tensor::floats(&shape, inverse));
    builder.last(node, "Mul", &[&sum, &inverse], vec![], &node.output[0]);
    Ok(true)
}

/// (sum |x|^p)^(1/p) over a window: the mean with padding counted, times the window's size.
pub(super) fn lp(builder: &mut Builder, node: &pb::NodeProto) -> Result<bool, String> {
    let size = ints(node, "kernel_shape").map_or(1, |kernel| kernel.iter().product::<i64>());
    if int(node, "ceil_mode").unwrap_or(0) != 0 {
        return Err("has ceil_mode, where the window at the edge has no definite size".into());
    }
    let power = to_the_power(builder, node);
    let window = with(node, &["p"], vec![whole("count_include_pad", 1)]).attribute;
    let mean = builder.node(node, "AveragePool", &[&power], window);
    root(builder, node, &mean, size as f32);
    Ok(true)
}

/// The same over all pixels.
pub(super) fn global_lp(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(input)) = known.first() else { return Ok(false) };
    let pixels: usize = input.shape.iter().skip(2).product();
    let power = to_the_power(builder, node);
    let mean = builder.node(node, "GlobalAveragePool", &[&power], vec![]);
    root(builder, node, &mean, pixels as f32);
    Ok(true)
}

/// p, which was a real number before operator set 2.
fn norm(node: &pb::NodeProto) -> f32 {
    match attribute(node, "p") {
        Some(p) if p.i == 0 => float(node, "p").unwrap_or(2.0),
        Some(p) => p.i as f32,
        None => 2.0,
    }
}

fn to_the_power(builder: &mut Builder, node: &pb::NodeProto) -> String {
    let p = builder.float(norm(node));
    let magnitude = builder.node(node, "Abs", &[&node.input[0]], vec![]);
    builder.node(node, "Pow", &[&magnitude, &p], vec![])
}

fn root(builder: &mut Builder, node: &pb::NodeProto, mean: &str, size: f32) {
    let (size, root) = (builder.float(size), builder.float(1.0 / norm(node)));
    let sum = builder.node(node, "Mul", &[mean, &size], vec![]);
    builder.last(node, "Pow", &[&sum, &root], vec![], &node.output[0]);
}
