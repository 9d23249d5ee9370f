"""Write what an attention on an approximate multiplier makes: attention.onnx, attention.json.

    pip install onnx numpy
    python3 attention.py

From the equations of docs/arithmetic.md alone; nothing here is taken from the program. The network
brings its own codes (QDQ), so that no calibration stands between: a layer each for queries, keys and
values, softmax(factor q k) v with both products on the multiplier, and a layer that reads the result.
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SEED = 3
IMAGES, TOKENS, HEADS, DEPTH = 4, 7, 2, 5
WIDTH = HEADS * DEPTH
LEVEL, C_FRAC, GUARD = 7, 4, 8
FACTOR = 0.4375
f32 = np.float32
ALL = np.arange(256)
# Scale and zero point of the codes.
CODES = {"x": (0.011, 120), "q": (0.014, 131), "k": (0.0127, 118), "v": (0.0119, 140), "f": (1 / 255, 0), "a": (0.009, 133)}
CODES = {name: (f32(scale), zero) for name, (scale, zero) in CODES.items()}


def error(w, a):
    """Truncated by LEVEL: the table of families in section 2."""
    return sum((1 << i) * (a >> i & 1) * (w % (1 << (LEVEL - i))) for i in range(LEVEL))


def weighted(a):
    """(3.8) of truncated: 2^LEVEL - 2^i for bit i."""
    return sum(((1 << LEVEL) - (1 << i)) * (a >> i & 1) for i in range(LEVEL))


def half_even(numerator, bits):
    """numerator / 2^bits, an integer."""
    return np.rint(np.asarray(numerator, np.float64) / 2**bits).astype(np.int64)


def encode(real, name):
    """(1.6)"""
    scale, zero = CODES[name]
    return np.clip(np.rint(real.astype(f32) * (f32(1) / scale)) + zero, 0, 255).astype(np.int64)


def moments(codes):
    """Shares of the codes, and E x and Var x over them."""
    p = np.bincount(codes.ravel(), minlength=256) / codes.size
    x = weighted(ALL).astype(float)
    return p, x, p @ x, p @ (x - p @ x) ** 2


class Linear:
    """A layer with int8 weights, u8-channel: z_w = 128."""

    def __init__(self, rng, outputs):
        self.weights = rng.integers(-127, 128, (outputs, WIDTH)).astype(np.int8)
        self.scales = rng.uniform(0.004, 0.008, outputs).astype(f32)

    def fit(self, codes):
        """(3.3), (3.4) and (3.12), pooled."""
        p, x, mean_x, var_x = moments(codes)
        stored = []
        for w in self.weights.astype(np.int64) + 128:
            e = error(w[:, None], ALL).astype(float)
            c = np.rint(2**C_FRAC * ((e - (e @ p)[:, None]) @ (p * (x - mean_x))).mean() / var_x)
            stored.append((c, np.rint((e @ p).sum() - WIDTH * c / 2**C_FRAC * mean_x)))
        self.c, self.c0 = np.array(stored, np.int64).T

    def run(self, codes, name, exact):
        """(4.1) to (4.5)."""
        w = self.weights.astype(np.int64) + 128
        scale, zero = CODES[name]
        a = codes[..., None, :]
        acc = (w * a).sum(-1) - (0 if exact else error(w, a).sum(-1))
        if not exact:
            acc = acc + half_even(self.c * weighted(codes).sum(-1)[..., None], C_FRAC) + self.c0
        total = acc - 128 * codes.sum(-1)[..., None] - zero * w.sum(-1) + WIDTH * 128 * zero
        return total.astype(f32) * (self.scales * scale)


class Product:
    """A product whose weights are codes: (3.20) to (3.22)."""

    def fit(self, streamed, depth):
        p, x, mean_x, var_x = moments(streamed)
        e = error(ALL[:, None], ALL).astype(float)
        mu = e @ p
        gamma = (e - mu[:, None]) @ (p * (x - mean_x)) / var_x
        of_bits = lambda shares: np.array([sum(shares[1 << l] for l in range(8) if w >> l & 1) for w in ALL])
        self.g = of_bits(np.rint(2 ** (C_FRAC + GUARD) * gamma / depth).astype(np.int64))
        self.m = of_bits(np.rint(2**GUARD * mu).astype(np.int64))
        self.x0 = int(np.rint(depth * mean_x))

    def run(self, loaded, streamed, names, factor, exact):
        """loaded [..., filter, k], streamed [..., row, k]: real results [..., row, filter]."""
        (scale_w, zero_w), (scale_a, zero_a) = CODES[names[0]], CODES[names[1]]
        w, a = loaded[..., None, :, :], streamed[..., :, None, :]
        depth = loaded.shape[-1]
        acc = (w * a).sum(-1) - (0 if exact else error(w, a).sum(-1))
        if not exact:
            c = np.clip(half_even(self.g[loaded].sum(-1), GUARD), -(2**28), 2**28)
            c0 = half_even(self.m[loaded].sum(-1), GUARD) - half_even(c * self.x0, C_FRAC)
            x = weighted(streamed).sum(-1)
            acc = acc + half_even(c[..., None, :] * x[..., :, None], C_FRAC) + c0[..., None, :]
            self.constants = c, c0
        total = acc - zero_w * a.sum(-1) - zero_a * w.sum(-1) + depth * zero_w * zero_a
        return total.astype(f32) * (scale_w * f32(factor) * scale_a)


def heads(codes):
    """[image, token, width] to [image, head, token, depth]."""
    return codes.reshape(IMAGES, TOKENS, HEADS, DEPTH).transpose(0, 2, 1, 3)


def run(layers, products, x, exact, fit=False):
    """Codes of all tensors; with `fit` the constants are made on the way."""
    codes = {"x": x}
    for name in "qkv":
        if fit:
            layers[name].fit(x)
        codes[name] = encode(layers[name].run(x, "x", exact), name)
    q, k, v = (heads(codes[name]) for name in "qkv")
    if fit:
        products[0].fit(q, DEPTH)
    scores = products[0].run(k, q, "kq", FACTOR, exact)
    powers = np.exp((scores - scores.max(-1, keepdims=True)).astype(np.float64))
    codes["f"] = encode(powers / powers.sum(-1, keepdims=True), "f")
    if fit:
        products[1].fit(codes["f"], TOKENS)
    mixed = products[1].run(v.transpose(0, 1, 3, 2), codes["f"], "vf", 1, exact)
    codes["a"] = encode(mixed.transpose(0, 2, 1, 3).reshape(IMAGES, TOKENS, WIDTH), "a")
    return codes


def save(layers, last):
    nodes, tensors = [], []
    constant = lambda name, array: tensors.append(numpy_helper.from_array(array, name))
    node = lambda operator, inputs, output, **more: nodes.append(
        helper.make_node(operator, inputs, [output], output, **more))
    for name, (scale, zero) in CODES.items():
        constant(f"{name}.s", np.array(scale, f32))
        constant(f"{name}.z", np.array(zero, np.uint8))
    for name, layer in {**layers, "out": last}.items():
        constant(f"{name}.w", np.ascontiguousarray(layer.weights.T))
        constant(f"{name}.ws", layer.scales)
        constant(f"{name}.wz", np.zeros(len(layer.scales), np.int8))
    constant("split", np.array([1, TOKENS, HEADS, DEPTH]))
    constant("joined", np.array([1, TOKENS, WIDTH]))
    constant("factor", np.array(FACTOR, f32))

    def coded(value, name):
        node("QuantizeLinear", [value, f"{name}.s", f"{name}.z"], f"{name}.q")
        node("DequantizeLinear", [f"{name}.q", f"{name}.s", f"{name}.z"], f"{name}.d")
        return f"{name}.d"

    def linear(value, name):
        node("DequantizeLinear", [f"{name}.w", f"{name}.ws", f"{name}.wz"], f"{name}.r", axis=1)
        node("MatMul", [value, f"{name}.r"], f"{name}.y")
        return f"{name}.y"

    x = coded("input", "x")
    parts = {}
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        value = coded(linear(x, name), name)
        node("Reshape", [value, "split"], f"{name}.p")
        node("Transpose", [f"{name}.p"], f"{name}.h", perm=order)
    node("MatMul", ["q.h", "k.h"], "scores")
    node("Mul", ["scores", "factor"], "scaled")
    node("Softmax", ["scaled"], "powers", axis=-1)
    node("MatMul", [coded("powers", "f"), "v.h"], "mixed")
    node("Transpose", ["mixed"], "turned", perm=[0, 2, 1, 3])
    node("Reshape", ["turned", "joined"], "together")
    output = linear(coded("together", "a"), "out")
    info = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, TOKENS, width])
    graph = helper.make_graph(nodes, "attention", [info("input", WIDTH)], [info(output, 2)], tensors)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "attention.onnx")


def main():
    rng = np.random.default_rng(SEED)
    layers = {name: Linear(rng, WIDTH) for name in "qkv"}
    last = Linear(rng, 2)
    products = Product(), Product()
    save(layers, last)
    x = rng.integers(20, 236, (IMAGES, TOKENS, WIDTH))
    exact = run(layers, products, x, exact=True, fit=True)
    last.fit(exact["a"])
    found = run(layers, products, x, exact=False)
    assert (found["f"] != exact["f"]).any() and (found["f"] > 0).mean() > 0.5
    scale, zero = CODES["x"]
    rows = lambda name: found[name].reshape(IMAGES, -1).tolist()
    result = {
        "generator": "reference/attention.py", "seed": SEED,
        "versions": {"numpy": np.__version__, "onnx": onnx.__version__},
        "design": f"truncated:{LEVEL} with V (fitted:weighted, statistics pooled), plain quantisation",
        "images": [[float(str(value)) for value in image.ravel()] for image in ((x - zero) * scale).astype(f32)],
        # [image][head][row][column] of what the second product and the last layer read.
        "softmax": rows("f"), "output": rows("a"),
        "products": [{
            "g": product.g.tolist(), "m": product.m.tolist(), "x0": product.x0,
            "c": product.constants[0].reshape(IMAGES, -1).tolist(),
            "c0": product.constants[1].reshape(IMAGES, -1).tolist(),
        } for product in products],
    }
    (HERE / "attention.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
