//! Attributes that are one of a few words.

/// The words that an operator's attribute may have, if they are a closed list.
pub(super) fn allowed(operator: &str, attribute: &str) -> Option<&'static [&'static str]> {
    Some(match (operator, attribute) {
        (_, "auto_pad") => &["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"],
        ("Pad", "mode") => &["constant", "reflect", "edge", "wrap"],
        ("Resize" | "Upsample", "mode") => &["nearest", "linear", "cubic"],
        ("DepthToSpace", "mode") => &["DCR", "CRD"],
        ("GridSample", "mode") => &["bilinear", "linear", "nearest", "bicubic", "cubic"],
        ("RoiAlign", "mode") => &["avg", "max"],
        ("RoiAlign", "coordinate_transformation_mode") => &["half_pixel", "output_half_pixel"],
        ("Resize", "coordinate_transformation_mode") => &[
            "half_pixel",
            "half_pixel_symmetric",
            "pytorch_half_pixel",
            "align_corners",
            "asymmetric",
            "tf_half_pixel_for_nn",
            "tf_crop_and_resize",
        ],
        ("Resize", "nearest_mode") => &["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"],
        ("Resize", "keep_aspect_ratio_policy") => &["stretch", "not_larger", "not_smaller"],
        ("GridSample", "padding_mode") => &["zeros", "border", "reflection"],
        ("LSTM" | "GRU" | "RNN", "direction") => &["forward", "reverse", "bidirectional"],
        ("BitShift", "direction") => &["LEFT", "RIGHT"],
        ("ScatterElements" | "ScatterND", "reduction") => &["none", "add", "mul", "max", "min"],
        ("TensorScatter", "mode") => &["linear", "circular"],
        (_, "reduction") => &["none", "mean", "sum"],
        ("Gelu", "approximate") => &["none", "tanh"],
        ("Cast" | "CastLike", "round_mode") => &["up", "down", "nearest"],
        _ => return None,
    })
}
