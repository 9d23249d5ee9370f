"""Constants whose sizes do not fit the node that reads them."""

import numpy as np

from .network import case


@case("mid_bn_short_mean", "BatchNormalization: a mean of 2 numbers for 4 channels")
def short_mean(n):
    norm(n, mean=2)


@case("mid_bn_short_scale", "BatchNormalization: a scale of 3 numbers for 4 channels")
def short_scale(n):
    norm(n, scale=3)


@case("mid_bn_long", "BatchNormalization: all vectors have 8 numbers for 4 channels")
def long_vectors(n):
    norm(n, 8, 8, 8, 8)


@case("mid_bn_scalar", "BatchNormalization: the vectors have rank 2")
def rank_two(n):
    norm(n, (4, 1), (4, 1), (4, 1), (4, 1))


@case("mid_bn_variance", "BatchNormalization: a variance of -1")
def variance(n):
    norm(n, value=-1.0)


@case("mid_bn_four_inputs", "BatchNormalization without a variance")
def four_inputs(n):
    norm(n)
    n.node("q").input.pop()


@case("mid_bn_epsilon", "BatchNormalization: a variance of 0 and an epsilon of 0")
def epsilon(n):
    norm(n, value=0.0)
    n.attribute("q", "epsilon", 0.0)


def norm(n, scale=4, shift=4, mean=4, variance=4, value=1.0):
    names = [n.constant(name, np.full(shape, value if name == "v" else 1.0), np.float32)
             for name, shape in zip("smtv", (scale, shift, mean, variance))]
    n.mid("BatchNormalization", *names)


@case("conv_bias_length", "Conv: a bias of 3 numbers for 4 filters")
def bias_length(n):
    n.node("conv").input.append(n.constant("b", np.zeros(3), np.float32))


@case("conv_bias_rank", "Conv: a bias of shape 1 x 4 x 1 x 1, which ONNX Runtime refuses too")
def bias_rank(n):
    n.node("conv").input.append(n.constant("b", np.zeros((1, 4, 1, 1)), np.float32))


@case("conv_bias_type", "Conv: a bias of int64")
def bias_type(n):
    n.node("conv").input.append(n.ints("b", 0, 0, 0, 0))


@case("gemm_bias_shape", "Gemm: a bias of 7 numbers for 10 outputs")
def gemm_bias(n):
    n.node("fc").input.append(n.constant("b", np.zeros(7), np.float32))


@case("gemm_depth", "Gemm: weights of depth 5, data of depth 4")
def gemm_depth(n):
    n.initializers.remove(n.tensor("F"))
    n.constant("F", np.ones((10, 5)), np.float32)


@case("mid_add_shape", "Add: sizes 3 and 32 do not fit")
def add_shape(n):
    n.mid("Add", n.constant("k", np.ones(3), np.float32))


@case("mid_add_type", "Add: float and int64")
def add_type(n):
    n.mid("Add", n.ints("k", 1))


@case("mid_prelu_shape", "PRelu: a slope of 5 numbers for 4 channels")
def prelu_shape(n):
    n.mid("PRelu", n.constant("k", np.ones((5, 1, 1)), np.float32))


@case("mid_concat_shape", "Concat: other sizes beside the joined axis")
def concat_shape(n):
    n.mid("Concat", n.constant("k", np.ones((1, 4, 3, 3)), np.float32), axis=1)
