"""A multiplier is made for a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import recoup


@pytest.fixture
def small(tmp_path: Path) -> recoup.Network:
    """Sixteen numbers, ten classes."""
    weights = np.random.default_rng(1).normal(size=(16, 10)).astype(np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "small.onnx")
    return recoup.load(tmp_path / "small.onnx")


def test_a_mask_is_made(small: recoup.Network) -> None:
    x = np.random.default_rng(2).random((80, 16), dtype=np.float32)
    data = recoup.data((x, np.arange(80) % 10))
    run = recoup.design_multiplier(
        small.calibrate(data.first(16)), data, max_loss=90, masks=500, finalists=2, seed=3
    )
    search = run.record["search"]
    assert (search["masks"], search["seed"]) == (500, 3)
    assert run.best is not None
    assert run.best["weight_codes"] == "chosen"
    finalists = {it["multiplier"] for it in search["finalists"]}
    assert any(row["multiplier"] in finalists for row in run.rows)
    assert "chosen weight codes" in repr(run)


def test_bad_requests_are_refused(small: recoup.Network) -> None:
    with pytest.raises(recoup.RequestError, match="at least one"):
        recoup.design_multiplier(small, [], max_loss=1, masks=0)
    with pytest.raises(recoup.RequestError, match="none was given"):
        recoup.design_multiplier([], [], max_loss=1)
