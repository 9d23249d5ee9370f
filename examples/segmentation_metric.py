"""Mean intersection over union of a segmentation network on approximate multipliers.

    pip install ./python onnx
    python examples/segmentation_metric.py

A tiny network tells dark ground, grey discs and white squares apart in noise. A metric of one's own
gives a confusion matrix for each image, and `combine` makes one figure of those of all images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

import recoup

SIZE = 24
BRIGHTNESS = np.array([0.1, 0.45, 0.8], np.float32)
"""Of ground, disc and square."""
CLASSES = len(BRIGHTNESS)


def pictures(count: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Pictures, float32 [count, 1, SIZE, SIZE], and the class of each pixel, [count, SIZE, SIZE]."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    masks = np.zeros((count, SIZE, SIZE), np.int64)
    for mask in masks:
        row, column, radius = random.uniform([6, 6, 3], [SIZE - 6, SIZE - 6, 6])
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 1
        top, left, side = random.integers([0, 0, 4], [SIZE - 4, SIZE - 4, 9])
        mask[top : top + side, left : left + side] = 2
    noise = random.normal(0, 0.12, masks.shape).astype(np.float32)
    return np.clip(BRIGHTNESS[masks] + noise, 0, 1)[:, None], masks


def network(path: Path) -> None:
    """Writes a network that smooths, and scores each pixel: the class of the nearest brightness has
    the highest of x b - b^2 / 2."""
    weights: dict[str, npt.NDArray[np.float32]] = {
        "smooth": np.full((1, 1, 3, 3), 1 / 9, np.float32),
        "brightness": BRIGHTNESS.reshape(CLASSES, 1, 1, 1),
        "half_square": (-(BRIGHTNESS**2) / 2).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["picture", "smooth"], ["smoothed"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["smoothed", "brightness", "half_square"], ["scores"]),
    ]
    picture, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, SIZE, SIZE])
        for name, channels in (("picture", 1), ("scores", CLASSES))
    )
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "segmentation", [picture], [scores], constants)
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)


def confusion(
    scores: npt.NDArray[np.float32], masks: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each image how many pixels of a class are taken for another one, [n, class, taken]."""
    pairs = masks * CLASSES + scores.argmax(axis=1)
    counts = [np.bincount(pair.ravel(), minlength=CLASSES**2) for pair in pairs]
    return np.stack(counts).reshape(-1, CLASSES, CLASSES)


def mean_iou(matrices: npt.NDArray[np.int64]) -> float:
    """Over the classes, the pixels of both over those of either, of all images together."""
    matrix = matrices.sum(axis=0)
    both = matrix.diagonal()
    return float(np.mean(both / (matrix.sum(axis=0) + matrix.sum(axis=1) - both)))


def by_loops(scores: npt.NDArray[np.float32], masks: npt.NDArray[np.int64]) -> float:
    """The same, pixel by pixel."""
    shares = []
    for one in range(CLASSES):
        both = either = 0
        for taken, mask in zip(scores.argmax(axis=1), masks, strict=True):
            for found, true in zip(taken.ravel(), mask.ravel(), strict=True):
                both += int(found == one and true == one)
                either += int(found == one or true == one)
        shares.append(both / either)
    return sum(shares) / CLASSES


def main() -> list[dict[str, Any]]:
    """Evaluates designs, and checks the figure of one of them."""
    with tempfile.TemporaryDirectory() as folder:
        network(Path(folder) / "segmentation.onnx")
        net = recoup.load(Path(folder) / "segmentation.onnx")
    net.calibrate(recoup.data(pictures(16, seed=0)[0]))
    x, masks = pictures(40, seed=1)
    designs = ["truncated:7", recoup.Design("truncated:7", control_variate="none")]
    found = net.evaluate(
        recoup.data(x), designs, metric=confusion, combine=mean_iou, targets=masks, resamples=1000
    )
    print(found)
    for row, design in zip(found.rows, ["exact", *designs], strict=True):
        assert abs(row["metric"] - by_loops(net.emulate(design)(x), masks)) < 1e-12
    return found.rows


if __name__ == "__main__":
    main()
