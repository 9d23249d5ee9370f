//! Operators on images and boxes.

use super::super::text::list;
use super::{Checked, Node, Size, at_least, equal};

pub(super) fn vision(node: &Node) -> Checked {
    match node.proto.op_type.as_str() {
        "GridSample" => grid_sample(node),
        "AffineGrid" => affine_grid(node),
        "RoiAlign" | "MaxRoiPool" => regions(node),
        "NonMaxSuppression" => non_max_suppression(node),
        "Col2Im" => col2im(node),
        _ => Ok(Size::Data("the image in its input")),
    }
}

fn grid_sample(node: &Node) -> Checked {
    let Some((x, grid)) = node.shape(0).zip(node.shape(1)) else { return Ok(Size::Unknown) };
    at_least(x, 3, "its input")?;
    equal(grid.len(), x.len(), "dimensions of its grid")?;
    if grid[0] != x[0] || grid[grid.len() - 1] != x.len() - 2 {
        return Err(format!(
            "its grid has the shape {} for the input {}; expected the same batch, and {} \
             coordinates",
            list(grid),
            list(x),
            x.len() - 2
        ));
    }
    let positions = &grid[1..grid.len() - 1];
    Ok(Size::of([x[0], x[1]].iter().chain(positions).map(|&dim| dim as u128)))
}

fn affine_grid(node: &Node) -> Checked {
    let Some(size) = node.integers(1) else { return Ok(Size::Data("size")) };
    if !(4..=5).contains(&size.len()) {
        return Err(format!("its size is {}; expected 4 or 5 numbers", list(size)));
    }
    let spatial = size.len() - 2;
    if let Some(theta) = node.shape(0)
        && theta.get(1..) != Some(&[spatial, spatial + 1][..])
    {
        return Err(format!(
            "its theta has the shape {}; expected the batch, {spatial} and {}",
            list(theta),
            spatial + 1
        ));
    }
    let positions: Vec<i64> =
        [size[0]].into_iter().chain(size[2..].iter().copied()).chain([spatial as i64]).collect();
    super::fill::given(&positions, "its size")
}

fn regions(node: &Node) -> Checked {
    let Some((x, boxes)) = node.shape(0).zip(node.shape(1)) else { return Ok(Size::Unknown) };
    equal(x.len(), 4, "dimensions of its input")?;
    equal(boxes.len(), 2, "dimensions of its regions")?;
    let pool = node.proto.op_type == "MaxRoiPool";
    equal(boxes[1], if pool { 5 } else { 4 }, "numbers per region")?;
    if let (Some(batches), false) = (node.integers(2), pool)
        && let Some(batch) = batches.iter().find(|&&batch| batch < 0 || batch >= x[0] as i64)
    {
        return Err(format!("its batch_indices hold {batch}; expected 0 to {}", x[0] as i64 - 1));
    }
    let sides = match node.ints("pooled_shape") {
        Some(&[height, width]) => [height, width],
        Some(other) => return Err(format!("pooled_shape is {}; expected two", list(other))),
        None => [node.int("output_height", 1), node.int("output_width", 1)],
    };
    let sides = sides.map(|side| u128::try_from(side).unwrap_or(0));
    Ok(Size::of([boxes[0] as u128, x[1] as u128].into_iter().chain(sides)))
}

fn non_max_suppression(node: &Node) -> Checked {
    let Some((boxes, scores)) = node.shape(0).zip(node.shape(1)) else {
        return Ok(Size::Unknown);
    };
    let fits = boxes.len() == 3
        && scores.len() == 3
        && boxes[2] == 4
        && boxes[0] == scores[0]
        && boxes[1] == scores[2];
    if !fits {
        return Err(format!(
            "its boxes have the shape {} and its scores {}; expected [batch, boxes, 4] and \
             [batch, classes, boxes]",
            list(boxes),
            list(scores)
        ));
    }
    let each = match node.integers(2) {
        Some(&[most]) => boxes[1].min(usize::try_from(most).unwrap_or(0)),
        _ => boxes[1],
    };
    Ok(Size::like(&[boxes[0], scores[1], each, 3]))
}

fn col2im(node: &Node) -> Checked {
    let (Some(x), Some(image)) = (node.shape(0), node.integers(1)) else {
        return Ok(if node.shape(0).is_none() { Size::Unknown } else { Size::Data("image_shape") });
    };
    let Some(block) = node.integers(2) else { return Ok(Size::Data("block_shape")) };
    equal(x.len(), 3, "dimensions of its input")?;
    equal(block.len(), image.len(), "sizes of its block, one per axis of the image")?;
    let block: i128 = block.iter().fold(1, |product, &size| product.saturating_mul(size.into()));
    if block < 1 || x[1] as i128 % block != 0 {
        return Err(format!(
            "its input of the shape {} does not divide into blocks of {block} elements",
            list(x)
        ));
    }
    let channels = x[1] as i128 / block;
    match super::fill::given(image, "image_shape")? {
        Size::Elements(pixels) => Ok(Size::of([x[0] as u128, channels as u128, pixels])),
        other => Ok(other),
    }
}
