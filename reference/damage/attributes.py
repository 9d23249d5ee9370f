"""Attributes that no operator can have: kernels, strides, pads, axes, types."""

from onnx import helper

from .network import EITHER, HUGE, REFUSED, SOUND, case


@case("good", "none: the network that the others are made of", SOUND)
def good(n):
    pass


def mid(name, defect, operator, *constants, must=REFUSED, **attributes):
    """The operator between Conv and Relu; the constants are int64 vectors."""
    @case(f"mid_{name}", f"{operator}: {defect}", must)
    def build(n):
        names = [n.ints(f"s{i}", *values) for i, values in enumerate(constants)]
        n.mid(operator, *names, **attributes)


for operator, short in [("MaxPool", "maxpool"), ("AveragePool", "avgpool"), ("LpPool", "lppool")]:
    two = {"kernel_shape": [2, 2]}
    mid(f"{short}_k1", "kernel_shape of one number", operator, kernel_shape=[2])
    mid(f"{short}_k0", "kernel_shape 0", operator, kernel_shape=[0, 0])
    mid(f"{short}_khuge", "kernel_shape 2^40", operator, kernel_shape=[HUGE, HUGE])
    mid(f"{short}_s1", "strides of one number", operator, strides=[2], **two)
    mid(f"{short}_s0", "strides 0", operator, strides=[0, 0], **two)
    mid(f"{short}_padshort", "pads of one number", operator, pads=[0], **two)
    mid(f"{short}_padbig", "pads 50000 at a kernel of 2", operator, pads=[50_000] * 4, **two)
    mid(f"{short}_padhuge", "pads 2^40", operator, pads=[HUGE] * 4, **two)
mid("maxpool_nokernel", "no kernel_shape", "MaxPool")
mid("maxpool_kneg", "kernel_shape -2", "MaxPool", kernel_shape=[-2, -2])
mid("maxpool_sneg", "strides -1", "MaxPool", kernel_shape=[2, 2], strides=[-1, -1])
mid("maxpool_padneg", "pads -1", "MaxPool", kernel_shape=[2, 2], pads=[-1] * 4)
mid("maxpool_d0", "dilations 0", "MaxPool", kernel_shape=[2, 2], dilations=[0, 0])
mid("maxpool_dhuge", "dilations 2^40", "MaxPool", kernel_shape=[2, 2], dilations=[HUGE, HUGE])
mid("maxpool_klarger", "kernel 40 on 32 x 32 without pads", "MaxPool", kernel_shape=[40, 40])
mid("avgpool_autopad_unknown", "auto_pad SAME_MIDDLE", "AveragePool", kernel_shape=[2, 2],
    auto_pad="SAME_MIDDLE")
mid("transpose_short", "perm of 3 numbers at rank 4", "Transpose", perm=[0, 2, 1])
mid("transpose_double", "perm names an axis twice", "Transpose", perm=[0, 1, 1, 3])
mid("transpose_range", "perm names axis 7", "Transpose", perm=[0, 1, 2, 7])
mid("transpose_negative", "perm names axis -1", "Transpose", perm=[0, 1, 2, -1])
mid("softmax_axis", "axis 9", "Softmax", axis=9)
mid("softmax_axis_negative", "axis -9", "Softmax", axis=-9)
mid("concat_axis", "axis 4 at rank 4", "Concat", axis=4)
mid("flatten_axis", "axis 9", "Flatten", axis=9)
mid("unsq_big", "axis 100", "Unsqueeze", [100])
mid("squeeze_not_one", "axis 2, whose size is 32", "Squeeze", [2])
mid("reduce_axis", "axis 8", "ReduceMean", axes=[8])
mid("reduce_axis_double", "one axis twice", "ReduceMean", must=EITHER, axes=[2, 2])
mid("split_sum", "sizes 2 and 3 of 4 channels", "Split", [2, 3], axis=1)
mid("split_negative", "sizes 5 and -1 of 4 channels", "Split", [5, -1], axis=1)
mid("depth_to_space_0", "blocksize 0", "DepthToSpace", blocksize=0)
mid("depth_to_space_3", "blocksize 3 at 4 channels", "DepthToSpace", blocksize=3)
mid("lrn_size0", "size 0", "LRN", size=0)
mid("reshape_two_free", "two sizes of -1", "Reshape", [-1, -1, 32, 32])
mid("reshape_count", "7 elements of 4096", "Reshape", [0, 7])
mid("reshape_zero_beyond", "size 0 copies axis 5 of rank 4", "Reshape", [0, 4, 32, 32, 1, 0])
mid("reshape_negative", "size -3", "Reshape", [0, -3, 32, 32])
mid("slice_step0", "step 0", "Slice", [0], [4], [1], [0])
mid("slice_lengths", "two starts, one end", "Slice", [0, 0], [4], [1])
mid("slice_axis", "axis 6", "Slice", [0], [4], [6])
mid("pad_count", "pads of 3 numbers at rank 4", "Pad", [1, 1, 1])
mid("pad_crop_all", "pads crop more than there is", "Pad", [0, 0, -20, 0, 0, 0, -20, 0])
mid("pad_mode", "mode mirror", "Pad", [0] * 8, mode="mirror")
mid("pad_reflect_wide", "mode reflect, pads 40 of 32 rows", "Pad", [0, 0, 40, 0, 0, 0, 40, 0],
    mode="reflect")
mid("gather_oob", "index 99 of 4 channels", "Gather", [0, 1, 2, 99], axis=1)
mid("gather_oob_negative", "index -5 of 4 channels", "Gather", [0, -5], axis=1)
mid("gather_axis", "axis 5", "Gather", [0], axis=5)
mid("clip_extra", "four inputs, and int64 bounds of float data", "Clip", [0], [6], [6])
mid("cast_type", "to type 99", "Cast", to=99)
mid("cast_string", "to string", "Cast", to=8)


@case("mid_scatter_oob", "ScatterND: index 99 of 4 channels")
def scatter(n):
    n.mid("ScatterND", n.ints("i", [0, 99, 0, 0]), n.constant("u", [1], "float32"))


def conv(name, defect, **attributes):
    @case(f"conv_{name}", f"Conv: {defect}")
    def build(n):
        for key, value in attributes.items():
            n.attribute("conv", key, value)


conv("k_mismatch", "kernel_shape 5 x 5, weights 3 x 3", kernel_shape=[5, 5])
conv("k0", "kernel_shape 0", kernel_shape=[0, 0])
conv("s0", "strides 0", strides=[0, 0])
conv("sneg", "strides -1", strides=[-1, -1])
conv("s1", "strides of one number", strides=[2])
conv("d0", "dilations 0", dilations=[0, 0])
conv("dhuge", "dilations 2^40", dilations=[HUGE, HUGE])
conv("pads3", "pads of three numbers", pads=[1, 1, 1])
conv("padneg", "pads -1", pads=[-1] * 4)
conv("padhuge", "pads 2^40", pads=[HUGE] * 4)
conv("padbig", "pads 50000", pads=[50_000] * 4)
conv("group0", "group 0", group=0)
conv("group_negative", "group -1", group=-1)
conv("group2", "group 2 of 3 channels", group=2)
conv("group_huge", "group 2^62", group=2**62)
conv("attribute_type", "pads is a text", pads="1, 1, 1, 1")
conv("attribute_float", "strides are floats", strides=[1.5, 1.5])
conv("attribute_int", "strides is one number, not a list", strides=2)
conv("autopad_unknown", "auto_pad SAME", auto_pad="SAME")
conv("group3", "group 3 of 3 channels, which does not divide 4 filters", group=3)


@case("conv_attribute_twice", "Conv: pads is listed twice, with other values")
def attribute_twice(n):
    n.node("conv").attribute.append(helper.make_attribute("pads", [0, 0, 0, 0]))


@case("conv_attribute_reference", "Conv: pads refers to an attribute of a function")
def attribute_reference(n):
    attribute = n.node("conv").attribute[0]
    del attribute.ints[:]
    attribute.ref_attr_name = "pads_of_the_function"


@case("gemm_attribute_type", "Gemm: transB is a float")
def gemm_attribute(n):
    n.attribute("fc", "transB", 1.0)


@case("gemm_alpha_nan", "Gemm: alpha is NaN")
def gemm_alpha(n):
    n.attribute("fc", "alpha", float("nan"))


@case("gemm_transposed", "Gemm: without transB the sizes do not fit")
def gemm_transposed(n):
    n.attribute("fc", "transB", 0)


@case("flatten_missing_axis", "Flatten: axis -9")
def flatten(n):
    n.attribute("flat", "axis", -9)
