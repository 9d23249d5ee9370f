"""Multipliers and designs: made in every way, and told apart."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recoup

EXACT = np.outer(np.arange(256), np.arange(256))


def test_what_a_multiplier_says() -> None:
    it = recoup.Multiplier("truncated:7")
    assert it.table.dtype == np.int32 and it.table.shape == (256, 256)
    assert (it.errors == EXACT - it.table).all()
    assert it.metrics["wce"] == it.errors.max() == it.errors[255, 255]
    assert it.metrics["mae"] == it.errors.mean() == it.metrics["mean_error"]
    assert it.metrics["ep"] == (it.errors != 0).mean()
    assert it.mask is not None and it.mask.bit_count() == 64 - 28
    assert not it.is_exact and recoup.Multiplier("exact").is_exact


def test_a_table_of_a_known_mask_is_that_mask() -> None:
    it = recoup.Multiplier.from_table(recoup.Multiplier("perforated:2").table, name="mine")
    assert (it.name, it.mask) == ("mine", recoup.Multiplier("perforated:2").mask)


@pytest.mark.parametrize("operands", ["unsigned", "signed-weight", "signed"])
def test_functions_get_values(operands: str) -> None:
    """One that is exact but for the pair of the largest bytes."""
    byte = np.arange(256)
    signed = np.where(byte < 128, byte, byte - 256)
    last = (-1 if operands != "unsigned" else 255, -1 if operands == "signed" else 255)
    it = recoup.Multiplier.from_function(
        lambda w, a: w * a + ((w, a) == last), name="odd", operands=operands
    )
    assert it.weights_signed == (operands != "unsigned")
    weights = byte if operands == "unsigned" else signed
    assert it.metrics["ep"] == 1 / 65536 and it.metrics["mean_error"] == -1 / 65536
    # A signed activation is its code without the zero point, of which the exact product is added.
    place = (255, 127 if operands == "signed" else 255)
    assert it.errors[place] == -1 and (it.table - np.outer(weights, byte)).sum() == 1


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: recoup.Multiplier("foo"), "unknown multiplier"),
        (lambda: recoup.Multiplier("none.npy"), "none.npy"),
        (lambda: recoup.Multiplier.from_table(EXACT[:255]), "(255, 256)"),
        (lambda: recoup.Multiplier.from_table(EXACT.astype(float)), "float64"),
        (lambda: recoup.Multiplier.from_table(EXACT * 2**20), "32 bits"),
        (lambda: recoup.Multiplier.from_function(lambda w, a: w / 2), "float64"),  # type: ignore[arg-type,return-value]
        (lambda: recoup.Multiplier.from_function(lambda w, a: None), "object"),  # type: ignore[arg-type,return-value]
        (lambda: recoup.Multiplier.from_verilog("none.v"), "none.v"),
    ],
)
def test_what_is_none(make: Any, part: str) -> None:
    with pytest.raises(recoup.MultiplierError) as caught:
        make()
    assert part in str(caught.value)


def test_netlists(tmp_path: Path) -> None:
    source = tmp_path / "mine.v"
    source.write_text(
        "module mine(input [7:0] a, input [7:0] b, output [15:0] o);\n"
        "  assign o = {8'b0, a & b};\nendmodule\n"
    )
    it = recoup.Multiplier.from_verilog(source, top="mine", operands="unsigned")
    byte = np.arange(256)
    assert (it.table == (byte[:, None] & byte)).all()
    assert recoup.Multiplier(f"verilog:{source}:mine").name == it.name == "mine"
    made = recoup.rtl(recoup.Design(it, control_variate="none"), rows=2, columns=2)
    assert made.record["multiplier"] == "mine"
    source.write_text("module mine(input [7:0] a);\n  what is this\nendmodule\n")
    with pytest.raises(recoup.MultiplierError, match="mine.v: line 2"):
        recoup.Multiplier.from_verilog(source)


def test_signed_tables_run_on_signed_weights(demo: tuple[recoup.Network, recoup.Data]) -> None:
    it = recoup.Multiplier.from_function(
        lambda w, a: w * a // 2 * 2, name="even", operands="signed"
    )
    net, images = demo
    with pytest.raises(recoup.MultiplierError) as caught:
        net.evaluate(images.first(4), [it])
    assert caught.value.arguments == ("weights",) and 'weights="i8-' in str(caught.value)
    found = net.evaluate(images.first(4), [it], weights="i8-channel")
    assert found.rows[1]["weights"] == "i8-channel"
    assert net.emulate(it)(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)


def test_designs_are_their_texts() -> None:
    design = recoup.Design(
        "recursive:3",
        activation_bits=6,
        weight_bits=7,
        weights="u8-tensor",
        exact_ends=True,
        terms=2,
        statistics="pooled",
    )
    text = (
        "recursive:3 with V (fitted, terms 2, statistics pooled), 6 activation bits, 7 weight bits, "
        "exact ends, u8-tensor weights"
    )
    assert str(design) == text
    assert recoup.Design.parse(text) == design and len({design, recoup.Design.parse(text)}) == 1
    assert recoup.Design("exact").kind == "reference"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"activation_bits": 3}, "4 to 8"),
        ({"weight_bits": 9}, "4 to 8"),
        ({"terms": 0}, "terms is 1 to 8"),
        ({"c_frac": 17}, "c_frac is 0 to 16"),
        ({"x_bits": 9}, "x_bits is 1 to 8"),
        ({"statistics": "channels"}, "statistics:"),
        ({"weights": "u4"}, "weights:"),
        ({"quantization": "none"}, "quantization:"),
        ({"control_variate": "best"}, "control_variate:"),
    ],
)
def test_options_that_mean_nothing(options: Any, part: str) -> None:
    with pytest.raises(recoup.RequestError) as caught:
        recoup.Design("truncated:7", **options)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "it",
    [
        recoup.Multiplier("truncated:7"),
        recoup.Multiplier("exact"),
        recoup.Multiplier("mask:0xfcfcf8f0e0c00000"),
        recoup.Multiplier.from_function(lambda w, a: w * a | 1, name="odd"),
        recoup.Multiplier.from_function(lambda w, a: w * a | 1, name="odd", operands="signed"),
        recoup.Design("truncated:7", activation_bits=7, weight_bits=6, terms=2),
        recoup.Design.parse("perforated:2"),
    ],
    ids=str,
)
def test_pickles(it: Any) -> None:
    again = pickle.loads(pickle.dumps(it))
    assert again == it and str(again) == str(it) and hash(again) == hash(it)


def test_data_travels(demo: tuple[recoup.Network, recoup.Data]) -> None:
    x = np.arange(4 * 784, dtype=np.uint8).reshape(4, 28, 28)
    data = recoup.data((x, [1, 2, 3, 4]), preprocess="fashion-mnist", label_offset=1)
    for it in (data, data.sample(2, seed=5), data.first(3), demo[1]):
        again = pickle.loads(pickle.dumps(it))
        assert (repr(again), len(again), again.preprocess) == (repr(it), len(it), it.preprocess)
