//! Attributes: those of the schema, and in their ranges.

use super::pb::AttributeProto;
use super::pb::attribute_proto::AttributeType;
use super::{check_nodes, graph, model, refusal, zeros};

#[test]
fn attributes_are_those_of_the_operator() {
    check_nodes(&[
        (
            "Relu(x) -> y; slope=1",
            "attribute \"slope\" is unknown for this operator in the model's operator set; expected none; remove it, or export with the operator set it belongs to",
        ),
        (
            "@13 Softmax(x) -> y; axes=[1]",
            "attribute \"axes\" is unknown for this operator in the model's operator set; expected axis; remove it, or export with the operator set it belongs to",
        ),
        ("Softmax(x) -> y; axis=1.0", "attribute \"axis\" has the type FLOAT; expected INT"),
        ("Transpose(x) -> y; perm=3", "attribute \"perm\" has the type INT; expected INTS"),
        ("Softmax(x) -> y; axis=1; axis=1", "attribute \"axis\" is given twice; give it once"),
        ("MaxPool(x) -> y", "attribute \"kernel_shape\" is missing; this operator requires it"),
        ("Concat(x) -> y", "attribute \"axis\" is missing; this operator requires it"),
        ("Cast(x) -> y", "attribute \"to\" is missing; this operator requires it"),
        ("@9 Dropout(x) -> y; ratio=0.5", ""),
        (
            "@13 Dropout(x) -> y; ratio=0.5",
            "attribute \"ratio\" is unknown for this operator in the model's operator set; expected seed; remove it, or export with the operator set it belongs to",
        ),
        // Of a list of floats without points, the type is another.
        (
            "@8 Upsample(x) -> y; scales=[1 1 2 2]",
            "attribute \"scales\" has the type INTS; expected FLOATS",
        ),
    ]);
}

#[test]
fn an_attribute_holds_what_its_type_says() {
    let mut wrong = model(&["Softmax(x) -> y; axis=1"]);
    graph(&mut wrong).node[0].attribute[0].ints = vec![1];
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (Softmax): attribute \"axis\" says that its type is INT, but does not hold exactly that"
    );
    let mut wrong = model(&["ConstantOfShape(x) -> y; value=1"]);
    graph(&mut wrong).node[0].attribute[0].r#type = AttributeType::Tensor as i32;
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (ConstantOfShape): attribute \"value\" says that its type is TENSOR, but does not hold exactly that"
    );
    let mut wrong = model(&["Softmax(x) -> y; axis=1"]);
    graph(&mut wrong).node[0].attribute[0].r#type = 99;
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (Softmax): attribute \"axis\" has the type UNDEFINED; expected INT"
    );
    let mut wrong = model(&["Softmax(x) -> y; axis=1"]);
    graph(&mut wrong).node[0].attribute[0].ref_attr_name = "a".into();
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (Softmax): attribute \"axis\" refers to an attribute of a function, but the node is in none; export the model without functions"
    );
    let mut wrong = model(&["Constant() -> y; value=1"]);
    graph(&mut wrong).node[0].attribute[0] = tensor_attribute(&[2, -1]);
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (Constant): attribute \"value\": its shape [2, -1] has a negative size"
    );
    let mut wrong = model(&["ConstantOfShape(x) -> y; value=1"]);
    graph(&mut wrong).node[0].attribute[0] = tensor_attribute(&[2]);
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (ConstantOfShape): attribute \"value\" has the shape [2]; expected one element"
    );
    let mut wrong = model(&["Constant() -> y; value=1"]);
    graph(&mut wrong).node[0].attribute[0].name = "sparse_value".into();
    graph(&mut wrong).node[0].attribute[0].i = 0;
    graph(&mut wrong).node[0].attribute[0].r#type = AttributeType::SparseTensor as i32;
    graph(&mut wrong).node[0].attribute[0].sparse_tensor = Some(Default::default());
    assert_eq!(
        refusal(&wrong),
        "node \"y\" (Constant): attribute \"sparse_value\" is a sparse tensor; expected a dense one"
    );
}

fn tensor_attribute(dims: &[i64]) -> AttributeProto {
    AttributeProto {
        name: "value".into(),
        r#type: AttributeType::Tensor as i32,
        t: Some(zeros("", dims)),
        ..Default::default()
    }
}

#[test]
fn sizes_of_windows_are_positive_and_bounded() {
    check_nodes(&[
        (
            "MaxPool(x) -> y; kernel_shape=[0 1]",
            "attribute \"kernel_shape\" holds 0; expected 1 to 1048576",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[1099511627776 1]",
            "attribute \"kernel_shape\" holds 1099511627776; expected 1 to 1048576",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[2 2]; strides=[0 0]",
            "attribute \"strides\" holds 0; expected 1 to 1048576",
        ),
        (
            "AveragePool(x) -> y; kernel_shape=[2 2]; strides=[2]",
            "attribute \"strides\" has 1 value, 1 for each spatial axis; \"kernel_shape\" is for 2",
        ),
        (
            "AveragePool(x) -> y; kernel_shape=[2 2]; pads=[0]",
            "attribute \"pads\" has 1 value; expected 2 for each spatial axis",
        ),
        (
            "AveragePool(x) -> y; kernel_shape=[2 2]; pads=[0 0]",
            "attribute \"pads\" has 2 values, 2 for each spatial axis; \"kernel_shape\" is for 2",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[2 2]; pads=[-1 0 0 0]",
            "attribute \"pads\" holds -1; expected 0 to 1048576",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[]",
            "attribute \"kernel_shape\" has 0 values; expected 1 for each spatial axis",
        ),
        (
            "Conv(x, w) -> y; dilations=[1 -1]",
            "attribute \"dilations\" holds -1; expected 1 to 1048576",
        ),
        ("Conv(x, w) -> y; group=0", "attribute \"group\" holds 0; expected 1 to 1048576"),
        (
            "Conv(x, w) -> y; auto_pad=SAME",
            "attribute \"auto_pad\" is \"SAME\"; expected one of NOTSET, SAME_UPPER, SAME_LOWER, VALID",
        ),
        (
            "ConvTranspose(x, w) -> y; output_padding=[-1 0]",
            "attribute \"output_padding\" holds -1; expected 0 to 1048576",
        ),
        (
            "ConvTranspose(x, w) -> y; output_shape=[0 0]",
            "attribute \"output_shape\" holds 0; expected 1 to 1048576",
        ),
        ("Conv(x, w) -> y; kernel_shape=[3 3]; pads=[1 1 1 1]; auto_pad=NOTSET", ""),
    ]);
}

#[test]
fn axes_and_lists_are_in_range() {
    check_nodes(&[
        ("Softmax(x) -> y; axis=65", "attribute \"axis\" holds 65; expected -64 to 64"),
        ("Softmax(x) -> y; axis=-64", ""),
        ("Transpose(x) -> y; perm=[0 2 1 3]", ""),
        ("Transpose(x) -> y; perm=[0 1 1]", "attribute \"perm\" holds 1 twice: [0, 1, 1]"),
        (
            "Transpose(x) -> y; perm=[0 1 3]",
            "attribute \"perm\" is no permutation: it holds 3, and not all of 0 to 2",
        ),
        ("Transpose(x) -> y; perm=[0 -1]", "attribute \"perm\" holds -1; expected 0 to 63"),
        ("@11 Squeeze(x) -> y; axes=[1 1]", "attribute \"axes\" holds 1 twice: [1, 1]"),
        ("@11 Squeeze(x) -> y; axes=[64]", "attribute \"axes\" holds 64; expected -64 to 63"),
        ("@11 Split(x) -> a, b; split=[4 -1]", "attribute \"split\" holds -1; expected 0 or more"),
        (
            "RandomNormal() -> y; shape=[2 -1]",
            "attribute \"shape\" names a tensor: its shape [2, -1] has a negative size",
        ),
        (
            "RandomNormal() -> y; shape=[100000 100000]",
            "attribute \"shape\" names a tensor: its shape [100000, 100000] is too large; at most 64 dimensions and 2147483648 elements are possible",
        ),
        (
            "GatherND(x, i) -> y; batch_dims=-1",
            "attribute \"batch_dims\" holds -1; expected 0 to 64",
        ),
        ("@9 Slice(x) -> y; starts=[0]; ends=[1 2]", "its starts, ends and axes differ in number"),
        (
            "@9 Slice(x) -> y; starts=[0]; ends=[1]; axes=[1 2]",
            "its starts, ends and axes differ in number",
        ),
        (
            "DepthToSpace(x) -> y; blocksize=0",
            "attribute \"blocksize\" holds 0; expected 1 to 1048576",
        ),
        ("@10 TopK(x, k) -> v, i; axis=1", ""),
        ("@9 TopK(x) -> v, i; k=-1", "attribute \"k\" holds -1; expected 0 or more"),
        ("LRN(x) -> y; size=0", "attribute \"size\" holds 0; expected 1 to 1048576"),
        ("Split(x) -> ,; num_outputs=0", "it has no outputs, so nothing can use it; remove it"),
    ]);
}

#[test]
fn numbers_and_words_are_known() {
    check_nodes(&[
        (
            "BatchNormalization(x, s, b, m, v) -> y; epsilon=nan",
            "attribute \"epsilon\" is NaN; expected a finite number, 0 or more",
        ),
        (
            "BatchNormalization(x, s, b, m, v) -> y; epsilon=-0.5",
            "attribute \"epsilon\" is -0.5; expected a finite number, 0 or more",
        ),
        ("LeakyRelu(x) -> y; alpha=inf", "attribute \"alpha\" is inf; expected a finite number"),
        (
            "@11 Dropout(x) -> y; ratio=1.5",
            "attribute \"ratio\" is 1.5; expected 0 or more and less than 1",
        ),
        (
            "RoiAlign(x, r, b) -> y; spatial_scale=0.0",
            "attribute \"spatial_scale\" is 0; expected a finite number above 0",
        ),
        (
            "@8 Upsample(x) -> y; scales=[1.0 -2.0]",
            "attribute \"scales\" holds -2; expected finite numbers above 0",
        ),
        ("Mod(x, x) -> y; fmod=2", "attribute \"fmod\" holds 2; expected 0 or 1"),
        ("ReduceMean(x) -> y; keepdims=-1", "attribute \"keepdims\" holds -1; expected 0 or 1"),
        ("Cast(x) -> y; to=1", ""),
        (
            "Cast(x) -> y; to=0",
            "attribute \"to\" is the data type UNDEFINED; expected real numbers, integers or bool",
        ),
        (
            "Cast(x) -> y; to=8",
            "attribute \"to\" is the data type STRING; expected real numbers, integers or bool",
        ),
        ("Cast(x) -> y; to=77", "attribute \"to\" is 77, which is no data type of ONNX"),
        ("@21 QuantizeLinear(x, s) -> y; output_dtype=0", ""),
        (
            "@21 QuantizeLinear(x, s) -> y; output_dtype=14",
            "attribute \"output_dtype\" is the data type COMPLEX64; expected real numbers, integers or bool",
        ),
        (
            "Resize(x, , s) -> y; mode=linaer",
            "attribute \"mode\" is \"linaer\"; expected one of nearest, linear, cubic",
        ),
        (
            "Resize(x, , s) -> y; mode=cubic; nearest_mode=up",
            "attribute \"nearest_mode\" is \"up\"; expected one of round_prefer_floor, round_prefer_ceil, floor, ceil",
        ),
        (
            "Resize(x, , s) -> y; coordinate_transformation_mode=x",
            "attribute \"coordinate_transformation_mode\" is \"x\"; expected one of half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_half_pixel_for_nn, tf_crop_and_resize",
        ),
        (
            "Pad(x, p) -> y; mode=wrap",
            "attribute \"mode\" is \"wrap\", which Pad knows from operator set 19 on",
        ),
        ("@19 Pad(x, p) -> y; mode=wrap", ""),
        (
            "DepthToSpace(x) -> y; blocksize=2; mode=RCD",
            "attribute \"mode\" is \"RCD\"; expected one of DCR, CRD",
        ),
        (
            "LSTM(x, w, r) -> y; direction=backward",
            "attribute \"direction\" is \"backward\"; expected one of forward, reverse, bidirectional",
        ),
        (
            "ScatterND(x, i, u) -> y; reduction=sum",
            "attribute \"reduction\" is \"sum\"; expected one of none, add, mul, max, min",
        ),
    ]);
}

#[test]
fn training_is_refused() {
    check_nodes(&[
        (
            "BatchNormalization(x, s, b, m, v) -> y; training_mode=1",
            "it is in training mode; expected inference; export the model after model.eval()",
        ),
        (
            "@9 BatchNormalization(x, s, b, m, v) -> y, n",
            "it is in training mode; expected inference; export the model after model.eval()",
        ),
        (
            "@7 BatchNormalization(x, s, b, m, v) -> y; spatial=0",
            "attribute \"spatial\" is 0; expected 1: one mean per channel",
        ),
        ("BatchNormalization(x, s, b, m, v) -> y; training_mode=0", ""),
    ]);
}

#[test]
fn a_constant_has_one_value() {
    check_nodes(&[
        ("Constant() -> y; value_ints=[1 2]", ""),
        (
            "Constant() -> y; value_int=1; value_float=0.5",
            "it has 2 attributes; expected one, its value",
        ),
        ("Constant() -> y", "it has 0 attributes; expected one, its value"),
        ("Constant() -> y; value_string=text", "it holds text; expected numbers"),
    ]);
}
