"""Metrics of one's own: values image by image, figures of all, and their intervals."""

from __future__ import annotations

import gzip
import json
import pickle
import runpy
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas
import pyarrow
import pytest
from conftest import without_times
from onnx import TensorProto, helper, numpy_helper

import recoup

Demo = tuple[recoup.Network, recoup.Data]
Floats = npt.NDArray[np.float32]
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "segmentation_metric.py"
PLAIN = recoup.Design("truncated:5", control_variate="none")
"""Without V, which takes longer to fit than the few images here."""
DESIGNS = ["exact, 6 activation bits", recoup.Design("truncated:8", control_variate="none")]


def right(outputs: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which images are right."""
    found: npt.NDArray[np.bool_] = outputs.argmax(axis=1) == labels
    return found


def share(outputs: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """How sure the network is of the right class, from 0 to 1."""
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    found: Floats = powers[np.arange(len(labels)), labels] / powers.sum(axis=1)
    return found


def figures(found: recoup.Results) -> Any:
    """All that the metric says."""
    fields = [{name: row[name] for name in row if name.startswith("metric")} for row in found.rows]
    return found.record["metric"], found.record["float"]["metric_ci"], fields


@pytest.fixture(scope="module")
def labels(folder: Path) -> npt.NDArray[np.int64]:
    """Of `pictures`."""
    raw = gzip.decompress((folder / "labels.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=8).astype(np.int64)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> recoup.Network:
    """Two channels of 2 x 2 pixels, as they are, calibrated on values from 0 to 1."""
    path = tmp_path_factory.mktemp("models") / "identity.onnx"
    return written(path, ["y"])


def written(path: Path, outputs: list[str]) -> recoup.Network:
    """A network whose outputs are all its input."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, 2, 2])]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2, 2, 2])
        for name in outputs
    ]
    nodes = [helper.make_node("Conv", ["x", "w"], [name]) for name in outputs]
    weight = numpy_helper.from_array(np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1), "w")
    graph = helper.make_graph(nodes, "identity", inputs, values, [weight])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return recoup.load(path).calibrate(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 2, 2, 2))


def test_accuracy_is_top_1(
    demo: Demo, spec: str, pictures: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> None:
    net = demo[0]
    labelled = recoup.data(spec, preprocess="fashion-mnist").first(60)
    found = net.evaluate(labelled, DESIGNS, metric=right)
    assert found.record["images"] == 60
    assert found.record["float"]["metric"] == found.record["float"]["top1"]
    for row in found.rows:
        assert row["metric"] == row["top1"]
        assert 100 * row["metric_loss_vs_exact"] == pytest.approx(row["loss_vs_exact"], abs=1e-9)
        assert 100 * row["metric_loss_vs_float"] == pytest.approx(row["loss_vs_float"], abs=1e-9)
        low, high = row["metric_loss_vs_exact_ci"]
        assert low <= row["metric_loss_vs_exact"] <= high and row["metric_left_out"] == 0
    assert found.rows[0]["metric_loss_vs_exact_ci"] == [0, 0]
    # The worst one loses, which is a loss above 0.
    assert found.rows[2]["metric_loss_vs_exact_ci"][0] > 0
    # Whatever it is computed by, and the rest is that of an evaluation without a metric.
    bare = recoup.data(pictures, preprocess="fashion-mnist").first(60)
    for again in (
        net.evaluate(labelled, DESIGNS, metric=right, batch=7, threads=1),
        net.evaluate(bare, DESIGNS, metric=right, targets=labels),
        net.evaluate(bare, DESIGNS, metric=right, targets=labels.tolist()),
    ):
        assert figures(again) == figures(found)
    plain = without_times(net.evaluate(labelled, DESIGNS).record)
    measured = without_times(found.record)
    del measured["metric"]
    for row in (measured["float"], *measured["results"]):
        for name in [name for name in row if name.startswith("metric")]:
            del row[name]
    assert measured == plain


def test_intervals_of_a_mean(demo: Demo) -> None:
    """Those of the bootstrap are near +- 1.96 standard errors, and paired ones are narrower."""
    kept: list[Floats] = []

    def keep(outputs: Floats, labels: npt.NDArray[np.int64]) -> Floats:
        found = share(outputs, labels)
        kept.append(found)
        return found

    found = demo[0].evaluate(demo[1].first(300), [PLAIN], metric=keep, batch=1000)
    exact, design = (values.astype(float) for values in kept[1:])
    row = found.rows[1]

    def normal(values: npt.NDArray[np.float64]) -> tuple[float, float]:
        half = 1.959964 * values.std(ddof=1) / np.sqrt(len(values))
        return values.mean() - half, values.mean() + half

    for interval, values in (
        (row["metric_ci"], design),
        (row["metric_loss_vs_exact_ci"], exact - design),
    ):
        low, high = normal(values)
        assert interval == pytest.approx((low, high), abs=0.1 * (high - low))
    own, reference, loss = (
        np.diff(interval)[0]
        for interval in (
            row["metric_ci"],
            found.rows[0]["metric_ci"],
            row["metric_loss_vs_exact_ci"],
        )
    )
    assert loss < 0.8 * np.hypot(own, reference)
    assert row["metric"] == pytest.approx(design.mean())


def test_mean_iou_of_three_images(identity: recoup.Network) -> None:
    taken = np.array([[[0, 0], [1, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 1]]])
    true = np.array([[[0, 1], [1, 1]], [[1, 1], [0, 1]], [[0, 0], [0, 0]]])
    scores = np.stack([taken == 0, taken == 1], axis=1).astype(np.float32)

    def confusion(outputs: Floats, masks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        pairs = 2 * masks + outputs.argmax(axis=1)
        return np.stack([np.bincount(pair.ravel(), minlength=4).reshape(2, 2) for pair in pairs])

    def mean_iou(matrices: npt.NDArray[np.int64]) -> float:
        matrix = matrices.sum(axis=0)
        both = matrix.diagonal()
        return float(np.nanmean(both / (matrix.sum(axis=0) + matrix.sum(axis=1) - both)))

    found = identity.evaluate(
        recoup.data(scores), metric=confusion, combine=mean_iou, targets=true, batch=2
    )
    # Ground: 4 pixels in both, 2 missed, 1 taken for it. The other: 5, 1 and 2.
    expected = (4 / 7 + 5 / 8) / 2
    assert found.record["float"]["metric"] == pytest.approx(expected)
    assert found.rows[0]["metric"] == pytest.approx(expected)
    # Image 1 or 2 three times, in 2 of 27 draws, have 0 and 3 / 4; no draw has more than all three
    # images, in 6 of 27, and that is more than 2.5 % both times.
    assert found.rows[0]["metric_ci"] == pytest.approx([3 / 8, expected])


def test_values_of_any_kind(demo: Demo) -> None:
    """Matches of a detector, for example, which are sorted by score."""

    def matches(outputs: Floats, labels: npt.NDArray[np.int64]) -> list[tuple[float, bool]]:
        return [(float(one.max()), bool(one.argmax() == label)) for one, label in zip(outputs, labels)]

    def precision(found: list[tuple[float, bool]]) -> float:
        assert isinstance(found, list)
        best = sorted(found, reverse=True)[: len(found) // 2]
        return sum(hit for _, hit in best) / len(best)

    def as_array(outputs: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.array(matches(outputs, labels))

    def of_array(found: npt.NDArray[np.float64]) -> float:
        best = found[np.lexsort((found[:, 1], found[:, 0]))[::-1]][: len(found) // 2]
        return float(best[:, 1].mean())

    images = demo[1].first(40)
    ways = [
        demo[0].evaluate(
            images, PLAIN, metric=metric, combine=combine, resamples=100, batch=16
        )
        for metric, combine in ((matches, precision), (as_array, of_array))
    ]
    assert figures(ways[0])[2] == figures(ways[1])[2]
    said = ways[0].record["metric"]
    assert (said["name"], said["combine"], said["resamples"]) == ("matches", "precision", 100)
    assert ways[0].rows[0]["metric"] > ways[0].rows[0]["top1"]


class Entries:
    """Targets that are made when they are asked for: their numbers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> int:
        self.read.append(number)
        return number


def test_targets_stay_with_their_images(
    demo: Demo, folder: Path, pictures: npt.NDArray[np.uint8]
) -> None:
    """Also where images are held out for a calibration, and where a sample is drawn."""
    data = recoup.data(pictures, preprocess="fashion-mnist")
    whole: list[Floats] = []

    def keep(outputs: Floats, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        whole.append(outputs)
        return numbers

    demo[0].evaluate(data, metric=keep, targets=np.arange(320), resamples=0, batch=320)
    held_out = recoup.load(folder / "resnet8.onnx")
    for net, given, count in ((held_out, data, 64), (demo[0], data.sample(20, seed=0), 20)):
        seen: list[tuple[Floats, list[int]]] = []

        def same(outputs: Floats, numbers: list[int], seen: Any = seen) -> list[int]:
            seen.append((outputs, list(numbers)))
            numbers.reverse()
            return numbers

        targets = Entries(320)
        found = net.evaluate(given, PLAIN, metric=same, targets=targets, batch=30)
        assert found.record["images"] == count == len(set(targets.read))
        # Once for all three networks.
        assert len(targets.read) == count
        assert sum(len(numbers) for _, numbers in seen[::3]) == count
        for outputs, numbers in seen[::3]:
            assert (outputs == whole[0][numbers]).all()
        for design in (1, 2):
            assert [it for _, it in seen[design::3]] == [it for _, it in seen[::3]]


def test_designs_of_one_name(demo: Demo) -> None:
    odd = [
        recoup.Multiplier.from_function(lambda w, a: (w & 0xFE) * a, name="odd"),
        recoup.Multiplier.from_function(lambda w, a: (w & 0x80) * a, name="odd"),
    ]
    found = demo[0].evaluate(demo[1].first(60), odd, metric=right, resamples=0)
    assert [row["metric"] for row in found.rows] == [row["top1"] for row in found.rows]
    assert found.rows[1]["metric"] > found.rows[2]["metric"]


def test_several_outputs(tmp_path: Path) -> None:
    net = written(tmp_path / "two.onnx", ["left", "right"])
    x = np.linspace(0, 1, 40, dtype=np.float32).reshape(5, 2, 2, 2)

    def error(outputs: dict[str, Floats], targets: Floats) -> Floats:
        assert list(outputs) == ["left", "right"] and outputs["left"].shape == targets.shape
        difference = (outputs["left"] + outputs["right"]) / 2 - targets
        found: Floats = np.abs(difference).reshape(len(targets), -1).mean(axis=1)
        return found

    found = net.evaluate(recoup.data(x), metric=error, targets=x)
    assert found.record["float"]["metric"] == 0
    # A rounding error; smaller is better, so that the loss is below 0.
    assert 0 < found.rows[0]["metric"] < 1 / 255
    assert found.rows[0]["metric_loss_vs_float"] == -found.rows[0]["metric"]


def test_labels_that_are_no_classes(identity: recoup.Network) -> None:
    x = np.linspace(0, 1, 40, dtype=np.float32).reshape(5, 2, 2, 2)
    y = np.array([7, 1, 900, 3, 5])
    found = identity.evaluate(recoup.data((x, y), label_offset=1), metric=lambda o, t: t)
    assert found.rows[0]["metric"] == np.mean(y + 1)
    assert found.rows[0]["top1"] is None and found.rows[0]["outputs"]
    dropped = recoup.data((x, y), labels=False)
    with pytest.raises(recoup.DataError, match="has no labels.*give targets="):
        identity.evaluate(dropped, metric=lambda o, t: t)


def test_draws(identity: recoup.Network) -> None:
    x = np.zeros((6, 2, 2, 2), np.float32)
    y = np.array([1.0, 2, 4, 8, 16, 32])

    def interval(**options: Any) -> Any:
        given = {"metric": lambda o, t: t, "targets": y, "resamples": 200, **options}
        return identity.evaluate(recoup.data(x), **given).rows[0]["metric_ci"]

    # Eq. (7.16) and (7.17), with Python's numbers.
    numbers = np.random.PCG64(1).random_raw(6 * 200).tolist()
    values = [y[(number >> 32) * 6 >> 32] for number in numbers]
    means = sorted(sum(values[6 * at : 6 * at + 6]) / 6 for at in range(200))
    at = 0.025 * 199
    low = means[4] + (at - 4) * (means[5] - means[4])
    high = means[194] + (0.975 * 199 - 194) * (means[195] - means[194])
    assert interval() == pytest.approx([low, high])
    assert interval() == interval(combine=np.mean) == interval(batch=4) != interval(seed=2)
    narrow = interval(confidence=0.5)
    assert low < narrow[0] < narrow[1] < high
    assert interval(resamples=0) is None
    one = identity.evaluate(recoup.data(x[:1]), metric=lambda o, t: t, targets=y[:1])
    assert (one.rows[0]["metric"], one.rows[0]["metric_ci"]) == (1, None)


def test_resamples_without_a_figure(identity: recoup.Network) -> None:
    x = np.zeros((6, 2, 2, 2), np.float32)
    y = np.arange(6)

    def of_image_0(values: npt.NDArray[np.float64]) -> float:
        return float(values.mean()) if 0 in values else float("nan")

    with pytest.warns(UserWarning, match=r"combine: gave no number for (\d+) of 1000") as caught:
        found = identity.evaluate(
            recoup.data(x), metric=lambda o, t: t, combine=of_image_0, targets=y, resamples=1000
        )
    left_out = found.rows[0]["metric_left_out"]
    # (1 - 1/6)^6 of them do not have it.
    assert left_out == pytest.approx(1000 * (5 / 6) ** 6, abs=75)
    assert f"{left_out} of 1000" in str(caught[0].message) and caught[0].filename == __file__
    assert found.rows[0]["metric"] == 2.5 and np.isfinite(found.rows[0]["metric_ci"]).all()
    with pytest.warns(UserWarning, match="1000 of 1000"):
        never = identity.evaluate(
            recoup.data(x),
            metric=lambda o, t: t,
            combine=lambda v: v.mean() if v.tolist() == list(range(6)) else np.nan,
            targets=y,
            resamples=1000,
            seed=3,
        )
    assert never.rows[0]["metric_ci"] is never.rows[0]["metric_loss_vs_exact_ci"] is None


def test_tables(demo: Demo) -> None:
    found = demo[0].evaluate(demo[1].first(40), DESIGNS, metric=share, resamples=100, confidence=0.9)
    plain = demo[0].evaluate(demo[1].first(4), DESIGNS)
    table = pyarrow.table(found)
    added = [name for name in table.column_names if name not in pyarrow.table(plain).column_names]
    assert len(added) == 10 and all(name.startswith("metric") for name in added)
    for row, arrow in zip(found.rows, table.to_pylist(), strict=True):
        assert arrow["metric"] == row["metric"]
        assert arrow["metric_loss_vs_float_ci_high"] == row["metric_loss_vs_float_ci"][1]
        assert arrow["metric_left_out"] == 0
    assert isinstance(frame := found.to_pandas(), pandas.DataFrame)
    assert list(frame.columns) == table.column_names == found.to_polars().columns
    again = pickle.loads(pickle.dumps(found))
    assert again.record == found.record == json.loads(found.to_json())
    assert repr(again) == repr(found) and pyarrow.table(again).equals(table)
    lines = repr(found).splitlines()
    assert "share of float32: 0." in lines[0] and "loss of share [90 %]" in lines[1]
    low, high = found.rows[1]["metric_ci"]
    shown = f"{found.rows[1]['metric']:.4g} [{low:.4g}, {high:.4g}]"
    assert shown in lines[3] and shown in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metric": lambda o, t: None}, "gave None for 40 images"),
        ({"metric": lambda o, t: 0.5}, "gave a float for 40"),
        ({"metric": lambda o, t: (o == o).all(axis=1)[1:]}, r"shape \(39,\) for 40 images"),
        ({"metric": lambda o, t: o - t[:, None]}, r"shape \(40, 10\).*a number for each; give comb"),
        ({"metric": lambda o, t: [{}] * 40}, "array of object.*give combine="),
        ({"metric": lambda o, t: [[1], [1, 2]] * 20}, "gave a list of 40 for 40 images"),
        ({"metric": lambda o, t: (t, t)}, "gave a tuple of 2"),
        ({"metric": lambda o, t: np.where(t == 9, np.nan, t)}, r"gave nan for image \d+; "),
        ({"metric": lambda o, t: t, "combine": lambda v: np.nan}, "nan for all images in float32"),
        ({"metric": lambda o, t: t, "combine": lambda v: None}, "combine: gave None"),
        ({"metric": lambda o, t: t, "combine": lambda v: v}, "combine: gave an array of int64"),
        ({"metric": lambda o, t: [1] * 39, "combine": len}, "a list of 39 for 40 images"),
        ({"metric": lambda o, t: {}, "combine": len}, "gave a dict for 40"),
        ({"metric": 3}, "metric: a int; expected a function"),
        ({"metric": right, "combine": "mean"}, "combine: a str; expected a function"),
        ({"combine": np.mean}, "combine: for a metric, and there is none"),
        ({"targets": [1]}, "targets: for a metric, and there is none"),
        ({"metric": right, "resamples": 99}, "resamples: 99; expected 100 to 1000000, or 0"),
        ({"metric": right, "confidence": 95}, "confidence: 95; expected a share"),
        ({"metric": right, "seed": -1}, "seed: -1"),
        ({"metric": right, "batch": 0}, "batch: 0; expected 1 or more"),
    ],
)
def test_what_means_nothing(demo: Demo, options: dict[str, Any], said: str) -> None:
    with pytest.raises(recoup.RequestError, match=said):
        demo[0].evaluate(demo[1].first(40), PLAIN, **options)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([1] * 40, "40 entries; expected 2000, one for each image of Fashion-MNIST"),
        (np.zeros((1999, 2)), "1999 entries"),
        ("labels", "targets: a str; expected an array or a sequence"),
        ({0: 1}, "targets: a dict"),
        (iter([1]), "targets: a list_iterator"),
        (np.array(3), r"targets: an array of int64 and shape \(\)"),
    ],
)
def test_targets_that_are_none(demo: Demo, targets: Any, said: str) -> None:
    with pytest.raises(recoup.DataError, match=said) as caught:
        demo[0].evaluate(demo[1].first(40), metric=right, targets=targets)
    assert caught.value.arguments == ("targets",)


def test_data_that_leaves_nothing(folder: Path, pictures: npt.NDArray[np.uint8]) -> None:
    few = recoup.data((pictures[:8], np.arange(8)), preprocess="fashion-mnist")
    net = recoup.load(folder / "resnet8.onnx").calibrate(few)
    with pytest.raises(recoup.DataError, match="0 images for evaluation out of 0"):
        net.evaluate(few, metric=right)


def test_values_of_one_kind(demo: Demo) -> None:
    calls: list[int] = []

    def changing(outputs: Floats, labels: npt.NDArray[np.int64]) -> Any:
        calls.append(len(labels))
        return labels if len(calls) < 3 else labels.tolist()

    with pytest.raises(recoup.RequestError, match=r"gave a list, and an array of \(\) for each"):
        demo[0].evaluate(demo[1].first(40), PLAIN, metric=changing, combine=np.mean)
    assert len(calls) == 3


def test_exceptions_come_through(demo: Demo) -> None:
    calls: list[int] = []

    def failing(outputs: Floats, labels: npt.NDArray[np.int64]) -> Any:
        calls.append(threading.get_ident())
        if len(calls) == 6:
            raise LookupError("no such label")
        return labels

    with pytest.raises(LookupError, match="no such label") as caught:
        demo[0].evaluate(demo[1].first(40), PLAIN, metric=failing, batch=25)
    # Of two batches of three networks the last; all in the caller's thread.
    assert len(calls) == 6 and set(calls) == {threading.get_ident()}
    notes = getattr(caught.value, "__notes__", None)
    assert notes in (None, ["metric of truncated:5, 15 images from 25 on"])

    def combine(values: npt.NDArray[np.int64]) -> float:
        raise ArithmeticError("no figure")

    with pytest.raises(ArithmeticError) as broken:
        demo[0].evaluate(demo[1].first(40), metric=right, combine=combine)
    notes = getattr(broken.value, "__notes__", None)
    assert notes in (None, ["combine of float32, all images"])


def test_memory_is_that_of_batches(demo: Demo) -> None:
    alive: list[Any] = []
    most = 0

    def kept(outputs: Floats, labels: npt.NDArray[np.int64]) -> Floats:
        nonlocal most
        alive.append(weakref.ref(outputs))
        most = max(most, sum(it() is not None for it in alive))
        # A view, which would keep them.
        return outputs[:, :2]

    demo[0].evaluate(
        demo[1].first(64), PLAIN, metric=kept, combine=np.mean, batch=8, resamples=0
    )
    assert len(alive) == 24 and most <= 2


def test_progress_and_stopping(demo: Demo) -> None:
    seen: set[str] = set()

    def slow(values: npt.NDArray[np.bool_]) -> float:
        time.sleep(0.001)
        return float(values.mean())

    def shown(what: str, *_: object) -> None:
        seen.add(what)
        if what == "resampling":
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        demo[0].evaluate(demo[1].first(100), metric=right, combine=slow, progress=shown)
    assert "evaluating" in seen


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    rows = runpy.run_path(str(EXAMPLE))["main"]()
    assert "loss of mean_iou [95 %]" in capsys.readouterr().out
    exact, corrected, plain = (row["metric"] for row in rows)
    assert plain < corrected <= exact + 0.01 and exact > 0.7
