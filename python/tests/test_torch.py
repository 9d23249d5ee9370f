"""PyTorch modules emulated, trained, and out as ONNX."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import recoup
import recoup.torch
from recoup.torch._module import records
from torch_modules import MODULES, SPELLINGS, Loop, bits, by_matmul, chain, made


class Product(nn.Module):
    """A product with a parameter that no layer has."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.factor


def trained(em: recoup.torch.EmulatedModule, x: Tensor, steps: int = 2) -> None:
    """Some steps of an optimizer."""
    optimizer = torch.optim.SGD(em.parameters(), 0.05)
    labels = torch.arange(len(x)) % em(x).shape[1]
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(em(x), labels).backward()
        optimizer.step()


def reloaded(em: recoup.torch.EmulatedModule, folder: Path) -> recoup.Emulator:
    """What the command line would run: the exported file."""
    path = folder / "network.onnx"
    em.export(path)
    network = recoup.load(path)
    network.calibrate(em.calibration)
    return network.emulate(em.design)


@pytest.mark.parametrize("name", MODULES)
def test_the_module_computes_what_its_export_does(name: str, tmp_path: Path) -> None:
    module, x = made(name)
    em = recoup.torch.emulate(module, x[:32], "truncated:7")
    with torch.no_grad():
        before = em(x)
    assert bits(em(x)) == bits(before) == bits(reloaded(em, tmp_path)(x.numpy()))
    # And what the module's own ONNX does, but for the rounding of folded BatchNorm.
    network = recoup.from_torch(module, x[:1])
    network.calibrate(recoup.data(x[:32].numpy()).first(32))
    own = network.emulate("truncated:7")(x.numpy())
    if name != "residual":
        assert bits(own) == bits(before)
    np.testing.assert_allclose(own, before, atol=0.02)
    trained(em, x)
    after = em(x)
    assert bits(after) != bits(before)
    assert bits(after) == bits(reloaded(em, tmp_path)(x.numpy()))


@pytest.mark.parametrize(
    "design",
    [
        recoup.Design("perforated:2", control_variate="none", weights="u8-tensor"),
        recoup.Design("truncated:9", weights="i8-channel", activation_bits=6),
        recoup.Design("recursive:4", exact_ends=True, statistics="channel"),
        recoup.Design(recoup.Multiplier.from_function(lambda w, a: (w & 0xFE) * a, name="even")),
    ],
    ids=str,
)
def test_all_designs(design: recoup.Design, tmp_path: Path) -> None:
    module, x = made("residual")
    em = recoup.torch.emulate(module, x, design)
    trained(em, x)
    with torch.no_grad():
        assert bits(em(x)) == bits(reloaded(em, tmp_path)(x.numpy()))


def test_layers_alone_are_those_of_the_network() -> None:
    """Where nothing but ReLU is between layers, one after the other gives the same bits."""
    for name in ("chain", "sequence"):
        module, x = made(name)
        em = recoup.torch.emulate(module, x, "perforated:3")
        whole = em(x)
        (layered,) = em.layers(x, torch.zeros((), dtype=torch.int64))
        assert bits(layered) == bits(whole)


def test_calibration_comes_in_batches() -> None:
    module, x = made("chain")
    pairs = TensorDataset(x, torch.zeros(len(x)).long())
    loader = DataLoader(pairs, batch_size=10)
    em = recoup.torch.emulate(module, loader, "truncated:7")
    assert bits(em(x)) == bits(recoup.torch.emulate(module, x, "truncated:7")(x))
    assert len(em.calibration) == len(x)
    for batches in (pairs, [x[:30], x[30:]], x.numpy()):
        assert bits(records(batches)) == bits(x)
    with pytest.raises(recoup.DataError, match="several tensors"):
        recoup.torch.emulate(module, [{"a": x, "b": x}], "truncated:7")


def test_frozen_layers_stay_so() -> None:
    module, x = made("residual")
    module.get_submodule("first").requires_grad_(False)
    em = recoup.torch.emulate(module, x, "truncated:7")
    before = {name: bits(values) for name, values in em.layers.named_parameters()}
    trained(em, x)
    changed = {name for name, values in em.layers.named_parameters() if bits(values) != before[name]}
    assert changed == before.keys() - {"first.weight", "first.bias"} and len(changed) == 4


def codes(values: Tensor, scale: float, zero_point: float) -> Tensor:
    """By docs/arithmetic.md, section 1."""
    return (values / scale).round() + zero_point


def test_gradients_go_straight_through() -> None:
    """They are those of the float layer at what the codes stand for, and 0 beyond the codes' range."""
    torch.manual_seed(1)
    layer = nn.Linear(4, 3)
    x = torch.rand(32, 4) * 2 - 0.5
    em = recoup.torch.emulate(layer, x, "truncated:8", method="min-max")
    y = torch.cat([x[:5], torch.tensor([[9.0, 0.5, -9.0, 0.1]])]).requires_grad_()
    factors = torch.randn(6, 3)
    (em(y) * factors).sum().backward()
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    scale = (high - low) / 255
    zero_point = round(-low / scale)
    seen = (codes(y.detach(), scale, zero_point).clamp(0, 255) - zero_point) * scale
    largest = layer.weight.detach().abs().amax(1, keepdim=True) / 127
    coded = codes(layer.weight.detach(), 1.0, 0.0)
    coded = (layer.weight.detach() / largest).round() * largest
    weight, bias = em.parameters()
    assert weight.grad is not None and bias.grad is not None and y.grad is not None
    torch.testing.assert_close(weight.grad, factors.T @ seen)
    torch.testing.assert_close(bias.grad, factors.sum(0))
    expected = factors @ coded
    expected[5, 0] = expected[5, 2] = 0
    torch.testing.assert_close(y.grad, expected)


def test_convolutions_have_the_gradients_of_pytorch() -> None:
    """With exact products they are near those of the float module."""
    for name in ("chain", "sequence"):
        module, x = made(name)
        em = recoup.torch.emulate(module, x, "exact")
        em(x).square().sum().backward()
        module(x).square().sum().backward()
        found = dict(em.layers.named_parameters())
        assert len(found) == 4
        for key, values in module.named_parameters():
            expected, own = values.grad, found[key].grad
            assert expected is not None and own is not None
            assert (own - expected).norm() < 0.05 * expected.norm(), key


def test_products_have_the_gradients_of_pytorch() -> None:
    """With exact products near those of the float module, in parameters and inputs; where a value is
    beyond the codes' range they are 0."""
    for spelling in SPELLINGS:
        module, x = made(spelling.__name__)
        factors = torch.randn(len(x), 3)
        em = recoup.torch.emulate(module, x, "exact", method="min-max")
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        (em(inputs[0]) * factors).sum().backward()
        (module(inputs[1]) * factors).sum().backward()
        pairs = [(inputs[0].grad, inputs[1].grad)]
        own = dict(em.layers.named_parameters())
        pairs += [(own[key].grad, values.grad) for key, values in module.named_parameters()]
        assert len(pairs) == 5
        for found, expected in pairs:
            assert found is not None and expected is not None
            assert (found - expected).norm() < 0.15 * expected.norm(), spelling.__name__


def test_products_alone_are_those_of_the_network() -> None:
    """Their codes round what is real in the network, too: layer after layer gives nearly the same,
    also where the library multiplies a layer's results by a factor."""
    for spelling in SPELLINGS:
        module, x = made(spelling.__name__)
        em = recoup.torch.emulate(module, x, "perforated:2")
        (layered,) = em.layers(x, torch.zeros((), dtype=torch.int64))
        torch.testing.assert_close(layered, em(x), atol=5e-3, rtol=0)
        if spelling is by_matmul:
            assert [em._emulation.layer(at).factor for at in range(4)] == [1.0, 0.5, 1.0, 1.0]


def test_attention_can_stay_in_float(tmp_path: Path) -> None:
    module, x = made("attention")
    em = recoup.torch.emulate(module, x, "truncated:7", attention="float")
    assert len(em._emulation.layers) == 5
    path = tmp_path / "network.onnx"
    em.export(path)
    network = recoup.load(path, attention="float")
    network.calibrate(em.calibration)
    assert bits(em(x)) == bits(network.emulate(em.design)(x.numpy()))
    assert bits(em(x)) != bits(recoup.torch.emulate(module, x, "truncated:7")(x))


def test_training_learns() -> None:
    module, x = made("residual")
    em = recoup.torch.emulate(module, x, "truncated:9", "none")
    labels = (x[:, 0].mean((1, 2)) > 0).long()
    loss = nn.functional.cross_entropy
    before = loss(em(x), labels).item()
    optimizer = torch.optim.Adam(em.parameters(), 0.01)
    for _ in range(12):
        optimizer.zero_grad()
        loss(em(x), labels).backward()
        optimizer.step()
    assert loss(em(x), labels).item() < 0.7 * before


@pytest.mark.parametrize("name", ["residual", "attention"])
def test_compiled(name: str) -> None:
    module, x = made(name)
    em = recoup.torch.emulate(module, x, "truncated:7")
    em(x).sum().backward()
    expected = [values.grad for values in em.parameters()]
    for backend in ("eager", "aot_eager"):
        em.zero_grad()
        compiled = torch.compile(em, backend=backend, fullgraph=True)
        out = compiled(x)
        assert bits(out) == bits(em(x)), backend
        out.sum().backward()
        for values, gradient in zip(em.parameters(), expected, strict=True):
            assert values.grad is not None and gradient is not None
            torch.testing.assert_close(values.grad, gradient)


def test_an_exported_program_needs_its_module() -> None:
    module, x = made("sequence")
    em = recoup.torch.emulate(module, x, "exact")
    with torch.no_grad():
        program = torch.export.export(em, (x[:4],)).module()
        assert bits(program(x[:4])) == bits(em(x[:4]))
        del em
        gc.collect()
        with pytest.raises(recoup.RequestError, match="is gone"):
            program(x[:4])


def test_operators_keep_what_pytorch_asks_of_them() -> None:
    """Shapes of the traced operators, no hidden writes, and their gradients' registration."""
    module, x = made("residual")
    em = recoup.torch.emulate(module, x, "truncated:7")
    em(x)
    handle, fitted = em._emulation.handle, torch.zeros((), dtype=torch.int64)
    own = em.layers
    conv = (x, own.get_parameter("first.weight"), own.get_parameter("first.bias"), fitted)
    tests = ("test_schema", "test_faketensor", "test_autograd_registration")
    ops = torch.ops.recoup
    torch.library.opcheck(
        ops.conv.default, (*conv, [1, 1], [1, 1], [1, 1], 1, 0.01, handle, 0), test_utils=tests
    )
    last = (own.get_parameter("last.weight"), own.get_parameter("last.bias"), fitted)
    torch.library.opcheck(
        ops.linear.default, (torch.rand(4, 8), *last, 0.01, handle, 2), test_utils=tests
    )
    other, y = made("by_bmm")
    attention = recoup.torch.emulate(other, y, "truncated:7")
    attention(y)
    torch.library.opcheck(
        ops.product.default,
        (torch.rand(4, 2, 5, 4), torch.rand(4, 2, 5, 4), fitted)
        + (0.1, 0.1, 1.0, attention._emulation.handle, 1),
        test_utils=tests,
    )
    torch.library.opcheck(ops.network.default, (x, None, fitted, handle), test_utils=tests)


def test_what_cannot_be_emulated() -> None:
    module, x = made("chain")
    em = recoup.torch.emulate(module, x, "truncated:7")
    with pytest.raises(recoup.DataError, match="float64"):
        em(x.double())
    with pytest.raises(recoup.DataError, match="0.weight: a tensor of torch.float64"):
        recoup.torch.emulate(chain().double(), x, "truncated:7")
    with pytest.raises(recoup.DataError, match="expected float32"):
        recoup.torch.emulate(module, x.double(), "truncated:7")
    with pytest.raises(recoup.DataError):
        em(x[:, :, :4])
    aware = recoup.Design("truncated:7", quantization="aware")
    with pytest.raises(recoup.RequestError, match="quantization=.plain.gain"):
        recoup.torch.emulate(module, x, aware)
    with pytest.raises(recoup.EmulationError, match="no Conv1d, Conv2d or Linear"):
        recoup.torch.emulate(Product(), torch.randn(8, 4), "truncated:7")
    with torch.no_grad():
        next(em.parameters()).fill_(float("nan"))
    with pytest.raises(recoup.RequestError, match="lower learning rate"):
        em(x)
    narrow = recoup.torch.emulate(module, x, recoup.Design("exact", weight_bits=6))
    with pytest.raises(recoup.RequestError, match="weights of 8 bits"):
        narrow.export()


def test_a_module_that_cannot_be_exported() -> None:
    with pytest.raises(recoup.ModelError, match="torch.export does not take it"):
        recoup.torch.emulate(Loop(), torch.ones(4, 4), "truncated:7")
