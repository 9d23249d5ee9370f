"""Arrays of every kind that is taken, and what is said of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import recoup

Demo = tuple[recoup.Network, recoup.Data]


def pictures(count: int = 6) -> npt.NDArray[np.uint8]:
    """Grey pictures that differ."""
    places = np.arange(count * 784)
    return (places % (places // 784 + 3) * 40).astype(np.uint8).reshape(count, 28, 28)


class Shared:
    """An array of somebody else's: nothing but DLPack."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values: Any = values

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


def test_every_way_to_hand_an_array_over(demo: Demo) -> None:
    em = demo[0].emulate("truncated:7")
    x = pictures()
    expected = em(x)
    assert expected.shape == (6, 10) and expected.dtype == np.float32
    ways: dict[str, Callable[[], Any]] = {
        "dlpack": lambda: Shared(x),
        "memory": lambda: memoryview(x.tobytes()).cast("B", x.shape),
        "fortran": lambda: np.asfortranarray(x),
        "turned": lambda: np.ascontiguousarray(x.transpose(2, 1, 0)).transpose(2, 1, 0),
        "strided": lambda: np.repeat(x, 2, axis=0)[::2],
        "reversed": lambda: x[::-1].copy()[::-1],
        "channels": lambda: x[:, None],
        "channels last": lambda: x[..., None],
        "named": lambda: {"input": x},
    }
    for name, way in ways.items():
        assert (em(way()) == expected).all(), name


def test_types_of_elements(folder: Path) -> None:
    """The same numbers, whatever their type is."""
    x = pictures(8) // 2
    found = []
    for kind in ("float32", "uint8", "int8", "int32", "int64"):
        scaled = "fashion-mnist" if kind == "uint8" else "fashion-mnist,scale=1/255"
        data = recoup.data((x.astype(kind), np.arange(8)), preprocess=scaled)
        net = recoup.load(folder / "resnet8.onnx").calibrate(data)
        found.append(net.emulate("exact")(x.astype(kind)))
    for other in found[1:]:
        assert (other == found[0]).all()


def test_memory_is_shared_where_it_is_contiguous(demo: Demo) -> None:
    net = demo[0]
    x = pictures()
    data = recoup.data(x, preprocess="fashion-mnist")
    before = net.evaluate(data, ["truncated:7"]).rows[1]["outputs"]
    x[:] = pictures()[::-1].copy()
    after = net.evaluate(data, ["truncated:7"]).rows[1]["outputs"]
    assert before != after
    # It is kept as long as it is in use.
    data = recoup.data(pictures(), preprocess="fashion-mnist")
    assert net.evaluate(data, ["truncated:7"]).rows[1]["outputs"] == before


def test_labels_of_every_type(demo: Demo) -> None:
    x = pictures()
    rows = [
        demo[0].evaluate(recoup.data((x, y), preprocess="fashion-mnist")).rows[0]["top1"]
        for y in (
            [0, 1, 2, 3, 4, 5],
            np.arange(6),
            np.arange(6, dtype=np.uint8),
            Shared(np.arange(6, dtype=np.int16)),
        )
    ]
    assert rows[0] is not None and len(set(rows)) == 1


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (np.zeros((2, 28, 28)), ["x: an array of float64", "float32", "astype"]),
        (np.zeros((2, 28, 28), np.complex64), ["complex64"]),
        (np.zeros((2, 28, 28), ">f4"), [">f4", "astype"]),
        (np.array([object()]), ["Python objects"]),
        ([[1], [1, 2]], ["x: is no array"]),
        ("images", ["unknown data source"]),
        (np.zeros((0, 28, 28), np.uint8), ["no images"]),
        (np.zeros((2,), np.uint8), ["[2]", "one axis or more"]),
        (np.zeros((2, 0, 28), np.uint8), ["not empty"]),
        (np.uint8(3), ["one axis or more"]),
        (None, ["Python objects"]),
    ],
)
def test_what_is_no_array_of_images(x: Any, parts: list[str]) -> None:
    with pytest.raises(recoup.DataError) as caught:
        recoup.data(x)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("y", "part"),
    [
        (np.zeros(6), "float64"),
        (np.zeros((6, 1), int), "(6, 1)"),
        (np.zeros(5, int), "5 records where x has 6"),
        ([0, 1, 2, -3, 4, 5], "class -3 of record 3"),
        (["a"] * 6, "y: an array of"),
        ([[0], [1, 2], 3, 4, 5, 6], "y: is no array"),
        ([0, 1, 2, 3, 4, 10], "label 10"),
    ],
)
def test_what_is_no_array_of_labels(demo: Demo, y: Any, part: str) -> None:
    with pytest.raises(recoup.DataError) as caught:
        demo[0].evaluate(recoup.data((pictures(), y), preprocess="fashion-mnist"))
    assert part in str(caught.value)


def test_images_of_another_network(demo: Demo) -> None:
    net = demo[0]
    em = net.emulate("exact")
    with pytest.raises(recoup.DataError, match="1 x 27 x 28"):
        em(np.zeros((1, 27, 28), np.uint8))
    with pytest.raises(recoup.DataError, match="two"):
        em({"one": pictures(), "two": pictures()})
    nan = np.zeros((3, 28, 28), np.float32)
    nan[1, 5, 7] = np.nan
    data = recoup.data(nan, preprocess="fashion-mnist,scale=1")
    with pytest.raises(recoup.DataError, match="image 1.*147|147.*image 1"):
        recoup.demo()[0].calibrate(data)
