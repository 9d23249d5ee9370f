"""Errors: their classes, and what they say would help."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import recoup

Demo = tuple[recoup.Network, recoup.Data]


def test_what_is_not_calibrated(folder: Path) -> None:
    net = recoup.load(folder / "resnet8.onnx")
    with pytest.raises(recoup.CalibrationError, match="is not calibrated; calibrate it first") as it:
        net.emulate("truncated:7")
    assert it.value.hint is not None and it.value.hint.startswith("calibrate it first")


def test_other_pixels_than_those_of_the_calibration(demo: Demo) -> None:
    x = np.zeros((4, 28, 28), np.uint8)
    with pytest.raises(recoup.CalibrationError) as caught:
        demo[0].evaluate(recoup.data(x, preprocess="mnist"))
    assert caught.value.arguments == ("preprocess",)


def test_models(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("this is no model")
    with pytest.raises(recoup.ModelError, match="text.onnx"):
        recoup.load(path)
    with pytest.raises(recoup.ModelError, match="none.onnx"):
        recoup.load(tmp_path / "none.onnx")


def test_what_a_search_needs(demo: Demo, tmp_path: Path) -> None:
    net, images = demo
    x = np.zeros((4, 28, 28), np.uint8)
    with pytest.raises(recoup.DataError, match="labels"):
        recoup.explore(net, recoup.data(x, preprocess="fashion-mnist"), max_loss=1)
    with pytest.raises(recoup.RequestError, match="a loss of at most -1"):
        recoup.explore(net, images, max_loss=-1)
    with pytest.raises(recoup.RequestError, match="none was given"):
        recoup.explore([], images, max_loss=1)
    with pytest.raises(recoup.RequestError, match="give one of them"):
        recoup.explore(net, images, max_loss=1, designs=[], multipliers=[])
    with pytest.raises(recoup.RequestError, match="time_limit"):
        recoup.explore(net, images, max_loss=1, time_limit=-1)
    text = tmp_path / "text.db"
    text.write_text("this is no database, but longer than the head of one is" * 10)
    with pytest.raises(recoup.ResultsError, match="text.db"):
        recoup.explore(net, images, max_loss=1, out=text)


def test_arrays_and_cells(tmp_path: Path) -> None:
    with pytest.raises(recoup.HardwareError) as caught:
        recoup.rtl("truncated:7", rows=0, columns=4)
    assert caught.value.arguments == ("rows", "columns")
    with pytest.raises(recoup.HardwareError, match="none.lib"):
        recoup.synth("truncated:7", cells=tmp_path / "none.lib")
    for design in ("exact", tmp_path):
        with pytest.raises(recoup.RequestError, match="dont_use: "):
            recoup.synth(design, cells=[], dont_use=["NAND*", "[x"])
    with pytest.raises(recoup.RequestError, match="dont_use: "):
        recoup.power("exact", rows=2, columns=2, cells=[], dont_use="[x")
    with pytest.raises(recoup.RequestError, match="stimuli"):
        recoup.power("exact", rows=2, columns=2, cells=[], stimuli="zeros")


def test_control_variates_that_there_are_not(demo: Demo) -> None:
    odd = recoup.Multiplier.from_function(lambda w, a: w * a | 1, name="odd")
    with pytest.raises(recoup.ControlVariateError, match="odd"):
        demo[0].emulate(odd, control_variate="paper")


def test_files_that_go_while_they_are_in_use(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros((40, 28, 28), np.uint8), y=np.zeros(40, int))
    data = recoup.data(f"npz:{path}", preprocess="fashion-mnist")
    assert demo[0].evaluate(data).record["images"] == 40
    with pytest.raises(TypeError, match="it takes a network"):
        len(data)
    path.unlink()
    with pytest.raises(recoup.DataError, match="x.npz"):
        demo[0].evaluate(data)


def test_samples(demo: Demo, folder: Path) -> None:
    with pytest.raises(recoup.RequestError, match="a sample of 0 images"):
        demo[1].sample(0)
    with pytest.raises(recoup.DataError, match="2001"):
        recoup.load(folder / "resnet8.onnx").calibrate(demo[1].sample(2001))


def test_errors_travel() -> None:
    error = recoup.DataError("no images", "look again", ["preprocess"])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.hint, again.arguments) == (str(error), error.hint, ("preprocess",))
    assert str(again) == "no images; look again"


def test_every_class_is_a_kind() -> None:
    classes = [it for it in vars(recoup).values() if isinstance(it, type)]
    errors = {it.__name__ for it in classes if issubclass(it, recoup.RecoupError)}
    assert len(errors) == 13 and errors <= set(recoup.__all__)
    assert all(it.__doc__ for it in classes)
