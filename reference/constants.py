"""Write what control variate and gains of a small separable network are: constants.onnx, constants.json.

    pip install onnx numpy
    python3 constants.py

From the equations of docs/arithmetic.md alone, number by number; nothing here is taken from the
program. The network brings its own codes (QDQ), so that no calibration stands between.
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SEED = 1
IMAGES, CHANNELS, SIZE, FILTERS = 6, 3, 5, 4
LEVEL, C_FRAC, DRAWN, PRIOR = 7, 4, 8, 32
f32 = np.float32


class Layer:
    """A Conv in codes: int8 weights with a scale per filter, on uint8 activations."""

    def __init__(self, weights, scales, bias, a_scale, a_zero, depthwise):
        self.weights, self.scales, self.bias = weights, scales, bias
        self.a_scale, self.a_zero, self.depthwise = f32(a_scale), a_zero, depthwise
        # (1.5); the codes of u8-channel, z_w = 128.
        self.bias_steps = np.rint(bias.astype(np.float64) / (scales.astype(np.float64) * float(self.a_scale)))
        self.bytes = weights.astype(np.int64) + 128
        self.gains = np.ones(len(scales), f32)

    def patches(self, codes):
        """[images, positions, filters, k]: the codes that each filter meets, padding as a_zero."""
        if not self.depthwise:
            pixels = codes.transpose(0, 2, 3, 1).reshape(len(codes), -1, 1, codes.shape[1])
            return np.repeat(pixels, len(self.scales), 2)
        padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=self.a_zero)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(codes), SIZE * SIZE, CHANNELS, 9)

    def flat(self):
        return self.bytes.reshape(len(self.scales), -1)

    def outputs(self, codes, products, v):
        """(4.1) to (4.5): real outputs, [images, positions, filters]."""
        a, w = self.patches(codes).astype(np.int64), self.flat()
        acc = products(w, a).sum(3) - 128 * a.sum(3)
        constant = self.bias_steps - self.a_zero * w.sum(1) + w.shape[1] * 128 * self.a_zero
        total = (acc + v(a) + constant.astype(np.int64)).astype(f32)
        return total * (self.scales * self.a_scale * self.gains)


def exact(w, a):
    return w * a


def error(w, a):
    """Truncated by LEVEL: the table of families in section 2."""
    return sum((1 << i) * (a >> i & 1) * (w % (1 << (LEVEL - i))) for i in range(LEVEL))


def approximate(w, a):
    return w * a - error(w, a)


def weighted(a):
    """(3.8) of truncated: 2^LEVEL - 2^i for bit i, over their greatest common divisor, 1."""
    return sum(((1 << LEVEL) - (1 << i)) * (a >> i & 1) for i in range(LEVEL))


ALL = np.arange(256)


def distributions(layer, codes):
    """(3.17): P_j of each filter's positions, [filters, k, 256]."""
    if layer.depthwise:
        # How many windows cover each pixel.
        line = np.array([2] + [3] * (SIZE - 2) + [2])
        times, taps, channel = np.outer(line, line), 9, lambda f, j: f
        inside = np.outer(*2 * [np.array([SIZE - 1, SIZE, SIZE - 1])]).ravel()
        padding = 1 - inside / SIZE**2
    else:
        times, taps, channel = np.ones((SIZE, SIZE), int), codes.shape[1], lambda f, j: j
        padding = np.zeros(taps)
    counts = np.array([[(times * (codes[:, c] == a)).sum() for a in ALL] for c in range(codes.shape[1])])
    shares, pooled = counts / counts.sum(1, keepdims=True), counts.sum(0) / counts.sum()
    n = len(codes) * SIZE**2
    drawn = (n * shares + DRAWN * pooled) / (n + DRAWN)
    at_zero = (ALL == layer.a_zero).astype(float)
    return np.array([
        [(1 - padding[j]) * drawn[channel(f, j)] + padding[j] * at_zero for j in range(taps)]
        for f in range(len(layer.scales))
    ])


def constants(layer, codes):
    """(3.18) and (3.12): c and C0 of each filter."""
    x, stored = weighted(ALL).astype(float), []
    for weights, places in zip(layer.flat(), distributions(layer, codes)):
        covariance = variance = mean_e = mean_x = 0.0
        for w, p in zip(weights, places):
            e = error(w, ALL).astype(float)
            covariance += p @ ((e - p @ e) * (x - p @ x))
            variance += p @ (x - p @ x) ** 2
            mean_e += p @ e
            mean_x += p @ x
        c = np.rint(2**C_FRAC * covariance / variance)
        stored.append((int(c), int(np.rint(mean_e - c / 2**C_FRAC * mean_x))))
    return np.array(stored).T


def correction(c, c0):
    """V of (3.12); half to even."""
    return lambda a: np.rint(c * weighted(a).sum(3) / 2**C_FRAC).astype(np.int64) + c0


def requantised(real, scale, zero):
    """(4.6) and (1.6): after ReLU, to codes [images, channels, rows, columns]."""
    rectified = np.maximum(real, f32(0))
    codes = np.clip(np.rint(rectified * (f32(1) / f32(scale))) + zero, 0, 255).astype(np.int64)
    return codes.transpose(0, 2, 1).reshape(len(real), -1, SIZE, SIZE)


def corrected(layer, y, z):
    """(6.8) and (6.10): gains, and what the bias is given; y exact, z as the layer is."""
    y, z = (it.astype(np.float64).reshape(-1, it.shape[2]) for it in (y, z))
    n = len(y)
    variance = (y * y).sum(0) - y.sum(0) ** 2 / n
    covariance = (y * z).sum(0) - y.sum(0) * z.sum(0) / n
    assert (variance > 0).all() and (covariance > 0).all()
    gains = (1 + (np.clip(variance / covariance, 0.5, 2) - 1) * n / (n + PRIOR)).astype(f32)
    unit = layer.scales.astype(np.float64) * float(layer.a_scale)
    return gains, np.rint((y.mean(0) / gains.astype(np.float64) - z.mean(0)) / unit).astype(int)


def network(rng):
    def layer(filters, depth, shape, a_scale, a_zero, depthwise):
        weights = rng.integers(-127, 128, (filters, depth)).astype(np.int8)
        weights[:, 0] = 127
        scales = rng.uniform(0.001, 0.004, filters).astype(f32)
        bias = rng.uniform(-0.5, 0.5, filters).astype(f32)
        return Layer(weights.reshape(shape), scales, bias, a_scale, a_zero, depthwise)

    return (layer(CHANNELS, 9, (CHANNELS, 1, 3, 3), 0.0123, 20, True),
            layer(FILTERS, CHANNELS, (FILTERS, CHANNELS, 1, 1), 0.0171, 0, False))


def save(layers):
    nodes, tensors, value = [], [], "x"
    constant = lambda name, array: tensors.append(numpy_helper.from_array(array, name))
    for name, layer in zip("ab", layers):
        constant(f"{name}.s", np.array(layer.a_scale, f32))
        constant(f"{name}.z", np.array(layer.a_zero, np.uint8))
        constant(f"{name}.w", layer.weights)
        constant(f"{name}.ws", layer.scales)
        constant(f"{name}.wz", np.zeros(len(layer.scales), np.int8))
        constant(f"{name}.b", layer.bias)
        scale = [f"{name}.s", f"{name}.z"]
        nodes += [
            helper.make_node("QuantizeLinear", [value, *scale], [f"{name}.q"]),
            helper.make_node("DequantizeLinear", [f"{name}.q", *scale], [f"{name}.d"]),
            helper.make_node("DequantizeLinear", [f"{name}.w", f"{name}.ws", f"{name}.wz"], [f"{name}.r"], axis=0),
            helper.make_node("Conv", [f"{name}.d", f"{name}.r", f"{name}.b"], [f"{name}.y"], name,
                             group=CHANNELS if layer.depthwise else 1, pads=[int(layer.depthwise)] * 4),
        ]
        value = f"{name}.y"
        if layer.depthwise:
            nodes.append(helper.make_node("Relu", [value], ["rectified"]))
            value = "rectified"
    info = lambda name, channels: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, SIZE, SIZE])
    graph = helper.make_graph(nodes, "separable", [info("x", CHANNELS)], [info("b.y", FILTERS)], tensors)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "constants.onnx")


def main():
    rng = np.random.default_rng(SEED)
    layers = network(rng)
    save(layers)
    # Channels that differ.
    ranges = [(0, 60), (20, 256), (10, 130)]
    codes = np.stack([rng.integers(low, high, (IMAGES, SIZE, SIZE)) for low, high in ranges], 1)
    none = lambda a: 0
    exact_codes, exact_outputs = [codes], []
    for layer, follower in zip(layers, layers[1:] + (None,)):
        exact_outputs.append(layer.outputs(exact_codes[-1], exact, none))
        if follower:
            exact_codes.append(requantised(exact_outputs[-1], follower.a_scale, follower.a_zero))
    stored = [constants(layer, of) for layer, of in zip(layers, exact_codes)]

    def run(make_right):
        """Layer by layer, each on the corrected ones before it."""
        inputs, found = codes, []
        for layer, follower, (c, c0), y in zip(layers, layers[1:] + (None,), stored, exact_outputs):
            outputs = layer.outputs(inputs, approximate, correction(c, c0))
            if make_right:
                gains, steps = corrected(layer, y, outputs)
                found.append({"gains": gains.view(np.uint32).tolist(), "bias": (layer.bias_steps + steps).astype(int).tolist()})
                layer.gains = gains
                outputs = layer.outputs(inputs, approximate, correction(c, c0 + steps))
            if follower:
                inputs = requantised(outputs, follower.a_scale, follower.a_zero)
        # (6.11)
        distance = ((outputs - exact_outputs[-1]).astype(np.float64) ** 2).sum()
        return distance, found

    (plain, _), (gained, found) = run(False), run(True)
    assert gained < plain, "gains must be what is chosen"
    real = ((codes - layers[0].a_zero) * float(layers[0].a_scale)).astype(f32)
    result = {
        "generator": "reference/constants.py", "seed": SEED,
        "versions": {"numpy": np.__version__, "onnx": onnx.__version__},
        "design": f"truncated:{LEVEL} with V (fitted:weighted, statistics channel), plain+gain quantisation",
        "images": [[float(str(value)) for value in image.ravel()] for image in real],
        "layers": [{"c": c.tolist(), "c0": c0.tolist(), **of} for (c, c0), of in zip(stored, found)],
    }
    (HERE / "constants.json").write_text(json.dumps(result) + "\n")
    print(json.dumps(result["layers"]), plain, gained)


main()
