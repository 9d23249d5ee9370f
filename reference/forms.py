#!/usr/bin/env python3
"""Tiny networks with attention, recurrent layers and blocks in the forms that exporters write.

    pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
    python3 forms.py

Writes forms/*.onnx and forms.json: inputs, what ONNX Runtime makes of them, and how many products
have constant weights and how many are of two activations, counted by hand. The weights are random.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from float_models import Graph

HERE = pathlib.Path(__file__).parent
SAMPLES = 4
TOKENS, WIDTH, HEADS = 7, 16, 2
SIZE = WIDTH // HEADS
MINUS_INFINITY = -np.inf
TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class Net(Graph):
    """A network of one sample with any inputs."""

    def __init__(self, seed, opset):
        super().__init__(np.random.default_rng(seed), [TOKENS, WIDTH], opset, batch=1)
        self.inputs = {}

    def feed(self, name, shape, draw=None):
        """An input; `draw` makes a sample of it."""
        draw = draw or (lambda rng: rng.uniform(-2, 2, shape).round(3).astype(np.float32))
        self.inputs[name] = (shape, draw)
        return name

    def tokens(self, name="input", count=TOKENS):
        return self.feed(name, [1, count, WIDTH])

    def floats(self, array):
        return self.initializer(np.asarray(array, np.float32))

    def microsoft(self, kind, *inputs, **attributes):
        return self.op(kind, *inputs, domain="com.microsoft", **attributes)

    def constant(self, *shape, by=1.0):
        return self.floats(by * self.rng.standard_normal(shape))

    def dense(self, x, inputs=WIDTH, outputs=WIDTH):
        weight = self.constant(inputs, outputs, by=inputs ** -0.5)
        return self.op("Add", self.op("MatMul", x, weight), self.uniform(-0.2, 0.2, outputs))

    def heads(self, x, count, heads=HEADS, perm=(0, 2, 1, 3)):
        x = self.op("Reshape", x, self.ints(1, count, heads, SIZE))
        return self.op("Transpose", x, perm=list(perm))

    def joined(self, x):
        x = self.op("Transpose", x, perm=[0, 2, 1, 3])
        return self.dense(self.op("Reshape", x, self.ints(1, -1, WIDTH)))

    def qkv(self, x, count=TOKENS):
        """Queries, keys (transposed) and values of all heads: three layers."""
        q, k, v = self.dense(x), self.dense(x), self.dense(x)
        return self.heads(q, count), self.heads(k, count, perm=(0, 2, 3, 1)), self.heads(v, count)

    def scores(self, q, k):
        return self.op("Div", self.op("MatMul", q, k), self.scalar(SIZE ** 0.5))

    def attended(self, scores, v):
        return self.joined(self.op("MatMul", self.op("Softmax", scores, axis=-1), v))

    def layer_norm(self, x, width=WIDTH):
        return self.op("LayerNormalization", x, self.uniform(0.5, 1.5, width),
                       self.uniform(-0.3, 0.3, width), axis=-1, epsilon=1e-5)

    def gelu(self, x):
        """As exporters write it below set 20."""
        erf = self.op("Erf", self.op("Div", x, self.scalar(2 ** 0.5)))
        inner = self.op("Mul", x, self.op("Add", erf, self.scalar(1)))
        return self.op("Mul", inner, self.scalar(0.5))

    def finished(self, result):
        self.nodes.append(helper.make_node("Identity", [result], ["output"], name="last"))
        inputs, samples = [], []
        for _ in range(SAMPLES):
            samples.append({name: draw(self.rng) for name, (_, draw) in self.inputs.items()})
        for name, array in samples[0].items():
            inputs.append(helper.make_tensor_value_info(name, TYPES[array.dtype], array.shape))
        output = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "form", inputs, [output], self.initializers)
        domains = {node.domain for node in self.nodes}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid("com.microsoft", 1)] * ("com.microsoft" in domains)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8,
                                  producer_name="forms.py")
        return model, samples


def lower_triangle(count=TOKENS):
    return np.tril(np.ones((count, count), bool))


def masked_by_a_constant(g):
    q, k, v = g.qkv(g.tokens())
    return g.attended(g.op("Add", g.scores(q, k), g.constant(TOKENS, TOKENS)), v)


def causal_by_torchscript(g):
    """scaled_dot_product_attention(is_causal=True): the mask is computed, the scale is on both."""
    q, k, v = g.qkv(g.tokens())
    length = g.op("Slice", g.op("Shape", q), g.ints(-2), g.ints(-1))
    ones = g.op("Expand", g.scalar(1), g.op("Concat", length, length, axis=0))
    lower = g.op("Trilu", ones, upper=0)
    mask = g.op("Where", g.op("Equal", lower, g.scalar(0)), g.scalar(MINUS_INFINITY), lower)
    mask = g.op("Where", g.op("Equal", lower, g.scalar(1)), g.scalar(0), mask)
    root = g.op("Sqrt", g.op("Div", g.scalar(1), g.op("Sqrt", g.scalar(SIZE))))
    scores = g.op("MatMul", g.op("Mul", q, root), g.op("Mul", k, root))
    return g.attended(g.op("Add", scores, mask), v)


def causal_by_dynamo(g):
    """The mask is folded; keys are turned by Reshapes around a Transpose; no number becomes 0."""
    x = g.tokens()
    q, k, v = g.dense(x), g.dense(x), g.dense(x)
    q, k, v = (g.heads(part, TOKENS) for part in (q, k, v))
    mask = g.op("Where", g.initializer(lower_triangle()), g.scalar(0), g.scalar(MINUS_INFINITY))
    k = g.op("Reshape", k, g.ints(-1, TOKENS, SIZE))
    k = g.op("Transpose", k, perm=[0, 2, 1])
    k = g.op("Reshape", k, g.ints(1, HEADS, SIZE, TOKENS))
    root = g.scalar(SIZE ** -0.25)
    scores = g.op("MatMul", g.op("Mul", q, root), g.op("Mul", k, root))
    soft = g.op("Softmax", g.op("Add", scores, mask), axis=-1)
    soft = g.op("Where", g.op("IsNaN", soft), g.scalar(0), soft)
    return g.joined(g.op("MatMul", soft, v))


def causal_by_where(g):
    """GPT-2."""
    q, k, v = g.qkv(g.tokens())
    allowed = g.initializer(lower_triangle()[None, None])
    return g.attended(g.op("Where", allowed, g.scores(q, k), g.scalar(MINUS_INFINITY)), v)


def some_tokens(rng):
    """1 for a token, 0 for what fills the rest."""
    count = rng.integers(3, TOKENS + 1)
    return (np.arange(TOKENS) < count).astype(np.int64)[None]


def padded_by_a_computed_mask(g):
    """BERT: the mask is an input."""
    q, k, v = g.qkv(g.tokens())
    mask = g.feed("attention_mask", [1, TOKENS], some_tokens)
    mask = g.op("Cast", g.op("Unsqueeze", mask, g.ints(1, 2)), to=TensorProto.FLOAT)
    mask = g.op("Mul", g.op("Sub", g.scalar(1), mask), g.scalar(np.finfo(np.float32).min))
    return g.attended(g.op("Add", g.scores(q, k), mask), v)


def padded_by_where(g):
    q, k, v = g.qkv(g.tokens())
    mask = g.feed("attention_mask", [1, TOKENS], some_tokens)
    mask = g.op("Cast", g.op("Unsqueeze", mask, g.ints(1, 2)), to=TensorProto.BOOL)
    scores = g.scores(q, k)
    return g.attended(g.op("Where", mask, scores, g.scalar(MINUS_INFINITY)), v)


def grouped_query(g):
    """Llama: one head of keys for two of queries, by Expand."""
    x = g.tokens()
    q = g.heads(g.dense(x, outputs=4 * SIZE), TOKENS, heads=4)
    shared = []
    for part in [g.dense(x), g.dense(x)]:
        part = g.op("Unsqueeze", g.heads(part, TOKENS), g.ints(2))
        part = g.op("Expand", part, g.ints(1, HEADS, 2, TOKENS, SIZE))
        shared.append(g.op("Reshape", part, g.ints(1, 2 * HEADS, TOKENS, SIZE)))
    k = g.op("Transpose", shared[0], perm=[0, 1, 3, 2])
    soft = g.op("Softmax", g.op("Add", g.scores(q, k), g.floats(
        np.where(lower_triangle(), 0, MINUS_INFINITY))), axis=-1)
    y = g.op("Transpose", g.op("MatMul", soft, shared[1]), perm=[0, 2, 1, 3])
    return g.dense(g.op("Reshape", y, g.ints(1, TOKENS, 4 * SIZE)), inputs=4 * SIZE)


def cross_attention(g):
    x, other = g.tokens(), g.tokens("memory", 5)
    q = g.heads(g.dense(x), TOKENS)
    k, v = g.heads(g.dense(other), 5, perm=(0, 2, 3, 1)), g.heads(g.dense(other), 5)
    return g.attended(g.scores(q, k), v)


def windows(g):
    """Swin: four windows of four tokens, with a bias for positions and a mask for each window."""
    x = g.feed("input", [1, 16, WIDTH])
    x = g.op("Reshape", x, g.ints(1, 2, 2, 2, 2, WIDTH))
    x = g.op("Reshape", g.op("Transpose", x, perm=[0, 1, 3, 2, 4, 5]), g.ints(4, 4, WIDTH))
    x = g.op("Reshape", g.dense(x, outputs=3 * WIDTH), g.ints(4, 4, 3, HEADS, SIZE))
    x = g.op("Transpose", x, perm=[2, 0, 3, 1, 4])
    q, k, v = (g.op("Gather", x, g.initializer(np.int64(i)), axis=0) for i in range(3))
    q = g.op("Mul", q, g.scalar(SIZE ** -0.5))
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Add", scores, g.constant(1, HEADS, 4, 4))
    scores = g.op("Reshape", scores, g.ints(1, 4, HEADS, 4, 4))
    same = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 2, 3]])
    mask = np.where(same[:, :, None] == same[:, None], 0.0, -100.0)
    scores = g.op("Add", scores, g.floats(mask[None, :, None]))
    scores = g.op("Reshape", scores, g.ints(4, HEADS, 4, 4))
    y = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(4, 4, WIDTH))
    return g.dense(y)


def linear_attention(g):
    """Products of stacks without a softmax: (q k) v."""
    x = g.tokens()
    q, k, v = g.dense(x), g.dense(x), g.dense(x)
    y = g.op("MatMul", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1])), v)
    return g.dense(g.op("Mul", y, g.scalar(1 / TOKENS)))


def keys_on_the_left(g):
    """Columns for queries: v' softmax(k q')."""
    x = g.tokens()
    q, k, v = g.dense(x), g.dense(x), g.dense(x)
    scores = g.op("MatMul", g.heads(k, TOKENS), g.heads(q, TOKENS, perm=(0, 2, 3, 1)))
    scores = g.op("Mul", g.scalar(SIZE ** -0.5), scores)
    soft = g.op("Softmax", scores, axis=-2)
    y = g.op("MatMul", g.heads(v, TOKENS, perm=(0, 2, 3, 1)), soft)
    y = g.op("Transpose", y, perm=[0, 3, 1, 2])
    return g.dense(g.op("Reshape", y, g.ints(1, TOKENS, WIDTH)))


def by_einsum(g, x, spellings):
    """Projections and products by Einsums: (inner, scores, weighted, joined)."""
    inner, scores, weighted, joined = spellings
    q, k, v = (g.op("Einsum", x, g.constant(WIDTH, HEADS, SIZE, by=0.25), equation=inner)
               for _ in range(3))
    soft = g.op("Einsum", q, k, equation=scores)
    soft = g.op("Softmax", g.op("Mul", soft, g.scalar(SIZE ** -0.5)), axis=-1)
    y = g.op("Einsum", soft, v, equation=weighted)
    return g.op("Einsum", y, g.constant(HEADS, SIZE, WIDTH, by=0.25), equation=joined)


def einsum_heads_first(g):
    return by_einsum(g, g.tokens(), ("btc,chd->bhtd", "bhqd,bhkd->bhqk", "bhqk,bhkd->bhqd",
                                     "bhtd,hdc->btc"))


def einsum_tokens_first(g):
    return by_einsum(g, g.tokens(), ("btc,chd->bthd", "bqhd,bkhd->bhqk", "bhqk,bkhd->bqhd",
                                     "bthd,hdc -> btc"))


def einsum_with_ellipsis(g):
    return by_einsum(g, g.tokens(), ("...tc,chd->h...td", "...qd,...kd->...qk",
                                     "...qk,...kd->...dq", "h...dt,hdc->...tc"))


def einsum_of_matrices(g):
    """No output named; a constant on the left; weights for each place."""
    x = g.op("Reshape", g.tokens(), g.ints(TOKENS, WIDTH))
    x = g.op("Einsum", x, g.constant(WIDTH, WIDTH, by=0.25), equation="ij,jk")
    x = g.op("Einsum", g.constant(5, TOKENS), x, equation="ot,tc->co")
    x = g.op("Reshape", x, g.ints(2, 4, 2, 5))
    x = g.op("Einsum", x, g.constant(2, 4, 6), equation="guht,gui->thgi")
    return g.op("Einsum", x, g.constant(6, 5), equation="thgi,it->ght")


def stacks_of_weights(g):
    """MatMul with a matrix for each head, with one of more axes, and with one on the left."""
    x = g.op("Reshape", g.tokens(), g.ints(1, TOKENS, HEADS, SIZE))
    x = g.op("Transpose", x, perm=[0, 2, 1, 3])
    x = g.op("MatMul", x, g.constant(HEADS, SIZE, 6, by=0.35))
    x = g.op("MatMul", x, g.constant(1, 1, 6, SIZE, by=0.4))
    return g.op("MatMul", g.constant(5, TOKENS, by=0.4), x)


def attention_of_stacks(g):
    """ONNX's own Attention with four axes, a mask of truth values, a scale and a cap."""
    x = g.tokens()
    q, k, v = (g.heads(g.dense(x), TOKENS) for _ in range(3))
    allowed = g.initializer(lower_triangle() | (g.rng.random((TOKENS, TOKENS)) < 0.3))
    y = g.op("Attention", q, k, v, allowed, scale=0.5, softcap=1.5)
    return g.joined(y)


def attention_of_rows(g):
    """ONNX's own Attention with three axes: four heads of queries, two of keys, causal."""
    x = g.tokens()
    q, k, v = g.dense(x, outputs=4 * SIZE), g.dense(x), g.dense(x)
    y = g.op("Attention", q, k, v, q_num_heads=4, kv_num_heads=2, is_causal=1)
    return g.dense(y, inputs=4 * SIZE)


def attention_with_past(g):
    """ONNX's own Attention with older keys, which it hands on, and a mask that is an input."""
    x, past = g.tokens(), [g.feed(name, [1, HEADS, 3, SIZE]) for name in ("past_k", "past_v")]
    mask = g.feed("mask", [1, 1, TOKENS, TOKENS + 3])
    y, k, v = g.op("Attention", g.dense(x), g.dense(x), g.dense(x), mask, *past, outputs=3,
                   q_num_heads=HEADS, kv_num_heads=HEADS, is_causal=1)
    sums = g.op("ReduceSum", g.op("Sub", k, v), g.ints(2), keepdims=0)
    return g.op("Add", g.dense(y), g.op("Reshape", sums, g.ints(1, 1, WIDTH)))


def attention_that_hides_all(g):
    """A mask that leaves some queries without a key: they attend to nothing."""
    x = g.tokens()
    shape = [1, TOKENS, TOKENS]
    mask = g.feed("mask", shape, lambda rng: (rng.random(shape) < 0.4) * 1)
    mask = g.op("Cast", mask, to=TensorProto.BOOL)
    y = g.op("Attention", g.dense(x), g.dense(x), g.dense(x), mask,
             q_num_heads=HEADS, kv_num_heads=HEADS, is_causal=1)
    return g.dense(y)


def attention_in_a_window(g):
    x = g.tokens()
    y = g.op("Attention", g.dense(x), g.dense(x), g.dense(x), q_num_heads=HEADS,
             kv_num_heads=HEADS, left_window_size=2, right_window_size=1)
    return g.dense(y)


def merged(g, x, *masks, **attributes):
    """com.microsoft's Attention, whose weights make queries, keys and values."""
    weights, bias = g.constant(WIDTH, 3 * WIDTH, by=0.25), g.uniform(-0.2, 0.2, 3 * WIDTH)
    y = g.microsoft("Attention", x, weights, bias, *masks, num_heads=HEADS, **attributes)
    return g.dense(y)


def merged_with_padding(g):
    x = g.tokens()
    mask = g.feed("attention_mask", [1, TOKENS], some_tokens)
    return merged(g, x, g.op("Cast", mask, to=TensorProto.INT32), scale=0.5)


def merged_and_causal(g):
    return merged(g, g.tokens(), unidirectional=1)


def merged_with_lengths_and_a_bias(g):
    x = g.tokens()
    length = g.feed("length", [1], lambda rng: rng.integers(3, TOKENS + 1, 1))
    length = g.op("Cast", length, to=TensorProto.INT32)
    return merged(g, x, length, "", g.constant(1, HEADS, TOKENS, TOKENS))


def multi_head(g):
    """com.microsoft's MultiHeadAttention of another sequence, with biases and padding."""
    x, other = g.tokens(), g.tokens("memory", 5)
    mask = g.feed("mask", [1, 5], lambda rng: (np.arange(5) < rng.integers(2, 6))[None] * 1)
    layers = [g.op("MatMul", part, g.constant(WIDTH, WIDTH, by=0.25)) for part in (x, other, other)]
    mask = g.op("Cast", mask, to=TensorProto.INT32)
    y = g.microsoft("MultiHeadAttention", *layers, g.uniform(-0.2, 0.2, 3 * WIDTH), mask,
                    num_heads=HEADS)
    return g.dense(y)


def multi_head_of_stacks(g):
    """Keys and values that are split into heads, and a bias for each score."""
    x, other = g.tokens(), g.tokens("memory", 5)
    k, v = (g.heads(g.dense(other), 5) for _ in range(2))
    y = g.microsoft("MultiHeadAttention", g.dense(x), k, v, "", "",
                    g.constant(1, HEADS, TOKENS, 5), num_heads=HEADS, scale=0.3)
    return g.dense(y)


STEPS, HIDDEN = 3, 6


def recurrent(g, kind, gates, directions=1, states=0, bias=True, **attributes):
    """Weights and biases of such a layer, and states that come in: the node's inputs."""
    x = g.feed("input", [1, STEPS, WIDTH])
    weights = [g.uniform(-0.4, 0.4, directions, gates * HIDDEN, size) for size in (WIDTH, HIDDEN)]
    bias = g.uniform(-0.3, 0.3, directions, 2 * gates * HIDDEN) if bias else ""
    states = [g.feed(f"state_{i}", [1, directions, HIDDEN]) for i in range(states)]
    states = [g.op("Transpose", state, perm=[1, 0, 2]) for state in states]
    x = g.op("Transpose", x, perm=[1, 0, 2])
    return g.op(kind, x, *weights, bias, "", *states, hidden_size=HIDDEN, **attributes)


def all_steps(g, y, directions=1):
    """[steps, directions, batch, hidden] as rows for a layer."""
    y = g.op("Reshape", g.op("Transpose", y, perm=[2, 0, 1, 3]),
             g.ints(1, STEPS, directions * HIDDEN))
    return g.dense(y, inputs=directions * HIDDEN)


def lstm(g):
    """PyTorch's with batch_first: states of zeros that are computed."""
    x = g.feed("input", [1, STEPS, WIDTH])
    weights = [g.uniform(-0.4, 0.4, 1, 4 * HIDDEN, size) for size in (WIDTH, HIDDEN)]
    zeros = g.op("ConstantOfShape", g.ints(1, 1, HIDDEN))
    y = g.op("LSTM", g.op("Transpose", x, perm=[1, 0, 2]), *weights,
             g.uniform(-0.3, 0.3, 1, 8 * HIDDEN), "", zeros, zeros, hidden_size=HIDDEN)
    return all_steps(g, y)


def lstm_both_ways(g):
    """States come in, the last ones come out."""
    y, h, c = recurrent(g, "LSTM", 4, 2, states=2, outputs=3, direction="bidirectional")
    last = g.op("Reshape", g.op("Concat", h, c, axis=0), g.ints(1, 4 * HIDDEN))
    return g.op("Add", all_steps(g, y, 2), g.dense(last, inputs=4 * HIDDEN))


def lstm_without_bias(g):
    y = recurrent(g, "LSTM", 4, bias=False, direction="reverse",
                  activations=["sigmoid", "tanh", "tanh"])
    return all_steps(g, y)


def gru_of_pytorch(g):
    """Biases inside the reset; two layers, the second's last state is classified."""
    y = recurrent(g, "GRU", 3, 2, linear_before_reset=1, direction="bidirectional")
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(STEPS, 1, 2 * HIDDEN))
    weights = [g.uniform(-0.4, 0.4, 1, 3 * HIDDEN, size) for size in (2 * HIDDEN, HIDDEN)]
    _, h = g.op("GRU", y, *weights, g.uniform(-0.3, 0.3, 1, 6 * HIDDEN), outputs=2,
                linear_before_reset=1, hidden_size=HIDDEN)
    return g.dense(g.op("Squeeze", h, g.ints(0)), inputs=HIDDEN)


def gru_that_resets_first(g):
    return all_steps(g, recurrent(g, "GRU", 3, 2, states=1, direction="bidirectional"), 2)


def rnn(g):
    return all_steps(g, recurrent(g, "RNN", 1, states=1))


def gru_with_the_batch_first(g):
    x = g.feed("input", [1, STEPS, WIDTH])
    weights = [g.uniform(-0.4, 0.4, 1, 3 * HIDDEN, size) for size in (WIDTH, HIDDEN)]
    state = g.feed("state", [1, 1, HIDDEN])
    y, h = g.op("GRU", x, *weights, g.uniform(-0.3, 0.3, 1, 6 * HIDDEN), "", state, outputs=2,
                hidden_size=HIDDEN, layout=1, linear_before_reset=1)
    return g.dense(g.op("Add", g.op("Squeeze", y, g.ints(2)), h), inputs=HIDDEN)


def mlp(g, x, inputs, inner):
    return g.dense(g.gelu(g.dense(x, inputs, inner)), inner, inputs)


def mixer(g):
    """Patches mixed with each other, then their channels."""
    x = g.feed("input", [1, 3, 16, 16])
    x = g.conv(x, 3, WIDTH, 4, bias=True, strides=[4, 4], pads=[0] * 4)
    x = g.op("Transpose", g.op("Reshape", x, g.ints(1, WIDTH, 16)), perm=[0, 2, 1])
    y = g.op("Transpose", g.layer_norm(x), perm=[0, 2, 1])
    x = g.op("Add", x, g.op("Transpose", mlp(g, y, 16, 24), perm=[0, 2, 1]))
    x = g.layer_norm(g.op("Add", x, mlp(g, g.layer_norm(x), WIDTH, 32)))
    return g.gemm(g.op("ReduceMean", x, axes=[1], keepdims=0), WIDTH, 10)


def convnext(g):
    """A depthwise 7 x 7, then channels last: normalised, mixed, scaled."""
    x = g.conv(g.feed("input", [1, 3, 16, 16]), 3, WIDTH, 2, bias=True, strides=[2, 2],
               pads=[0] * 4)
    for _ in range(2):
        y = g.conv(x, WIDTH, WIDTH, 7, bias=True, group=WIDTH)
        y = g.layer_norm(g.op("Transpose", y, perm=[0, 2, 3, 1]))
        y = g.op("Mul", g.uniform(0.2, 1, WIDTH), mlp(g, y, WIDTH, 4 * WIDTH))
        x = g.op("Add", x, g.op("Transpose", y, perm=[0, 3, 1, 2]))
    x = g.op("Flatten", g.op("GlobalAveragePool", x))
    return g.gemm(g.layer_norm(x), WIDTH, 10)


VOCABULARY = 30


def embedded(g):
    """Words, their places and their parts, from whole numbers."""
    def words(rng):
        return rng.integers(0, VOCABULARY, [1, TOKENS])

    parts = [g.op("Gather", g.constant(VOCABULARY, WIDTH), g.feed("input_ids", [1, TOKENS], words)),
             g.op("Gather", g.constant(TOKENS, WIDTH), g.ints(*range(TOKENS))),
             g.op("Gather", g.constant(2, WIDTH), g.feed("token_type_ids", [1, TOKENS],
                                                         lambda rng: words(rng) % 2))]
    return g.layer_norm(g.op("Add", g.op("Add", parts[0], parts[2]), parts[1]))


def bert(g):
    """Two layers of an encoder of texts, and a classifier of the first token."""
    x = embedded(g)
    mask = g.feed("attention_mask", [1, TOKENS], some_tokens)
    mask = g.op("Cast", g.op("Unsqueeze", mask, g.ints(1, 2)), to=TensorProto.FLOAT)
    mask = g.op("Mul", g.op("Sub", g.scalar(1), mask), g.scalar(np.finfo(np.float32).min))
    for _ in range(2):
        q, k, v = g.qkv(x)
        y = g.attended(g.op("Add", g.scores(q, k), mask), v)
        x = g.layer_norm(g.op("Add", y, x))
        x = g.layer_norm(g.op("Add", mlp(g, x, WIDTH, 32), x))
    x = g.op("Gather", x, g.initializer(np.int64(0)), axis=1)
    return g.gemm(g.op("Tanh", g.gemm(x, WIDTH, WIDTH)), WIDTH, 10)


def bert_by_the_optimiser(g):
    """An encoder with embedding, attention, sums and GELUs fused by ONNX Runtime's optimiser."""
    def drawn(limit):
        return lambda rng: rng.integers(0, limit, [1, TOKENS])

    ids, parts = g.feed("input_ids", [1, TOKENS], drawn(VOCABULARY)), g.feed(
        "token_type_ids", [1, TOKENS], drawn(2))
    mask = g.feed("attention_mask", [1, TOKENS], some_tokens)
    ids, parts, mask = (g.op("Cast", x, to=TensorProto.INT32) for x in (ids, parts, mask))
    norm = [g.uniform(0.5, 1.5, WIDTH), g.uniform(-0.3, 0.3, WIDTH)]
    vectors = [g.constant(count, WIDTH) for count in (VOCABULARY, TOKENS + 2, 2)]
    x, lengths = g.microsoft("EmbedLayerNormalization", ids, parts, *vectors, *norm, mask,
                             outputs=2, epsilon=1e-5)
    for gelu in ("BiasGelu", "FastGelu"):
        y = merged(g, x, lengths)
        x = g.microsoft("SkipLayerNormalization", x, y, *norm, g.uniform(-0.2, 0.2, WIDTH),
                        epsilon=1e-5)
        y = g.op("MatMul", x, g.constant(WIDTH, 32, by=0.25))
        y = g.microsoft(gelu, y, g.uniform(-0.2, 0.2, 32))
        y = g.op("MatMul", y, g.constant(32, WIDTH, by=0.2))
        x = g.microsoft("SkipLayerNormalization", y, x, *norm, epsilon=1e-5)
    x = g.op("Reshape", g.op("Gather", x, g.initializer(np.int64(0)), axis=1), g.ints(1, WIDTH))
    weight, bias = g.constant(WIDTH, WIDTH, by=0.25), g.uniform(-0.2, 0.2, WIDTH)
    return g.gemm(g.microsoft("FusedGemm", x, weight, bias, activation="Tanh"), WIDTH, 10)


def convolutions_by_the_optimiser(g):
    x = g.feed("input", [1, 3, 8, 8])
    x = g.microsoft("FusedConv", x, g.weight(WIDTH, 3, 3, 3), g.uniform(-0.2, 0.2, WIDTH),
                    activation="LeakyRelu", activation_params=[0.2], pads=[1] * 4, strides=[2, 2])
    y = g.microsoft("QuickGelu", x, alpha=1.5)
    x = g.microsoft("FusedConv", y, g.weight(WIDTH, WIDTH, 3, 3), g.uniform(-0.2, 0.2, WIDTH), x,
                    activation="Relu", pads=[1] * 4)
    return g.head(x, WIDTH)


# What ONNX Runtime lacks, or makes something else of, the reference of the standard computes.
BY_ONNX = ["gru-with-the-batch-first", "attention-that-hides-all", "attention-in-a-window"]

# Name, network, operator set, layers with constant weights, products of two activations.
FORMS = [
    ("masked-by-a-constant", masked_by_a_constant, 13, 4, 2),
    ("causal-by-torchscript", causal_by_torchscript, 14, 4, 2),
    ("causal-by-dynamo", causal_by_dynamo, 18, 4, 2),
    ("causal-by-where", causal_by_where, 13, 4, 2),
    ("padded-by-a-computed-mask", padded_by_a_computed_mask, 13, 4, 2),
    ("padded-by-where", padded_by_where, 13, 4, 2),
    ("grouped-query", grouped_query, 14, 4, 2),
    ("cross-attention", cross_attention, 13, 4, 2),
    ("windows", windows, 13, 2, 2),
    ("linear-attention", linear_attention, 13, 4, 2),
    ("keys-on-the-left", keys_on_the_left, 13, 4, 2),
    ("einsum-heads-first", einsum_heads_first, 13, 4, 2),
    ("einsum-tokens-first", einsum_tokens_first, 13, 4, 2),
    ("einsum-with-ellipsis", einsum_with_ellipsis, 13, 4, 2),
    ("einsum-of-matrices", einsum_of_matrices, 13, 4, 0),
    ("stacks-of-weights", stacks_of_weights, 13, 3, 0),
    ("attention-of-stacks", attention_of_stacks, 23, 4, 2),
    ("attention-of-rows", attention_of_rows, 23, 4, 2),
    ("attention-with-past", attention_with_past, 23, 4, 2),
    ("attention-that-hides-all", attention_that_hides_all, 23, 4, 2),
    ("attention-in-a-window", attention_in_a_window, 25, 4, 2),
    ("merged-with-padding", merged_with_padding, 17, 2, 2),
    ("merged-and-causal", merged_and_causal, 17, 2, 2),
    ("merged-with-lengths-and-a-bias", merged_with_lengths_and_a_bias, 17, 2, 2),
    ("multi-head", multi_head, 17, 4, 2),
    ("multi-head-of-stacks", multi_head_of_stacks, 17, 4, 2),
    ("lstm", lstm, 14, 1 + (STEPS - 1) + 1, 0),
    ("lstm-both-ways", lstm_both_ways, 14, 2 * (1 + STEPS) + 2, 0),
    ("lstm-without-bias", lstm_without_bias, 14, 1 + (STEPS - 1) + 1, 0),
    ("gru-of-pytorch", gru_of_pytorch, 14, 3 * (1 + STEPS - 1) + 1, 0),
    ("gru-that-resets-first", gru_that_resets_first, 14, 2 * (1 + 2 * STEPS) + 1, 0),
    ("rnn", rnn, 14, 1 + STEPS + 1, 0),
    ("gru-with-the-batch-first", gru_with_the_batch_first, 14, 1 + STEPS + 1, 0),
    ("mixer", mixer, 17, 6, 0),
    ("convnext", convnext, 17, 8, 0),
    ("bert", bert, 17, 14, 4),
    ("bert-by-the-optimiser", bert_by_the_optimiser, 17, 10, 4),
    ("convolutions-by-the-optimiser", convolutions_by_the_optimiser, 17, 3, 0),
]


def digits(array):
    """The shortest decimals of the same numbers."""
    return [float(str(value)) for value in array.ravel()]


def main():
    folder = HERE / "forms"
    folder.mkdir(exist_ok=True)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    lines = []
    for name, build, opset, layers, products in FORMS:
        # Its own seed, so that one more network changes no other.
        g = Net(list(name.encode()), opset)
        model, samples = g.finished(build(g))
        if name in BY_ONNX:
            session = ReferenceEvaluator(model)
        else:
            session = ort.InferenceSession(model.SerializeToString(), options)
        outputs = [session.run(None, sample)[0] for sample in samples]
        assert all(np.isfinite(output).all() for output in outputs), name
        onnx.save(model, folder / f"{name}.onnx")
        lines.append(json.dumps({
            "name": name, "layers": layers, "products": products,
            "samples": [sum((digits(array) for array in sample.values()), [])
                        for sample in samples],
            "outputs": [digits(output) for output in outputs],
        }, separators=(",", ":")))
    (HERE / "forms.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
