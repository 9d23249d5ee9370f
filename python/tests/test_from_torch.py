"""PyTorch modules as networks, its datasets and loaders as data."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

import recoup
from torch_modules import Loop, made


def test_pytorch_is_imported_by_those_who_use_it_only() -> None:
    program = "import recoup, sys; recoup.demo(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("package", ["torch", "onnx"])
def test_what_is_missing_is_said(package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import recoup.torch"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said = f"ModuleNotFoundError: recoup.torch needs {package}, which is not there; pip install"
    assert said in done.stderr


@pytest.mark.parametrize("name", ["residual", "attention"])
def test_a_module_is_a_network(name: str) -> None:
    module, x = made(name)
    state = {key: values.clone() for key, values in module.state_dict().items()}
    network = recoup.from_torch(module, x[:3], name="mine")
    assert network.path == "mine" and module.training
    assert all(torch.equal(values, state[key]) for key, values in module.state_dict().items())
    network.calibrate(x.numpy())
    with torch.no_grad():
        expected = module.eval()(x).numpy()
    found = network.emulate("exact")(x.numpy())
    # 8-bit codes lose little.
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_datasets_and_loaders(demo: tuple[recoup.Network, recoup.Data]) -> None:
    pixels = (np.arange(90 * 784) % 251 % 200).astype(np.uint8).reshape(90, 28, 28)
    labels = np.arange(90) % 10
    x, y = torch.from_numpy(pixels), torch.from_numpy(labels)
    network = demo[0]

    def data(source: Any) -> recoup.Data:
        return recoup.data(source, preprocess="fashion-mnist")

    expected = network.evaluate(data((pixels, labels)), ["truncated:7"]).rows

    def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k != "images_per_s"} for row in rows]

    class Pairs(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return 90

        def __getitem__(self, at: int) -> tuple[Tensor, int]:
            if at >= 90:
                raise IndexError
            return x[at], int(y[at])

    for source in (TensorDataset(x, y), DataLoader(TensorDataset(x, y), batch_size=7), Pairs()):
        found = network.evaluate(data(source), ["truncated:7"]).rows
        assert plain(found) == plain(expected)
    images = DataLoader(TensorDataset(x), batch_size=32)
    named: Any = DataLoader([{"input": it} for it in x], batch_size=32)  # type: ignore[arg-type]
    for source in (images, named):
        rows = network.evaluate(data(source), ["truncated:7"]).rows
        assert len(rows) == 2 and rows[1]["multiplier"] == "truncated:7"
    again = recoup.demo()[0].calibrate(images)
    assert again.calibration is not None and again.calibration.images == 90


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (TensorDataset(torch.zeros(2, 3), torch.zeros(2), torch.zeros(2)), "3 parts"),
        (DataLoader(TensorDataset(torch.zeros(0, 3))), "no batch"),
        (TensorDataset(torch.zeros(2, 3).double(), torch.zeros(2).long()), "float64"),
        (TensorDataset(torch.zeros(2, 3), torch.zeros(2)), "a class for each"),
    ],
)
def test_data_that_is_none(source: Any, said: str) -> None:
    with pytest.raises(recoup.DataError, match=said):
        recoup.data(source)


def test_a_module_that_is_no_network() -> None:
    with pytest.raises(recoup.ModelError, match="Loop: PyTorch does not export it"):
        recoup.from_torch(Loop(), torch.ones(1, 4))
    module, x = made("chain")
    with pytest.raises(recoup.ModelError, match="no tensor with a batch"):
        recoup.from_torch(module, (x, 3))  # type: ignore[arg-type]
