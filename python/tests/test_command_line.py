"""What the package computes is what the command prints."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import Command, without_times

import recoup

PREPROCESS = ("--preprocess", "fashion-mnist")


def test_evaluation_after_a_calibration(folder: Path, spec: str, command: Command) -> None:
    printed = command(
        *("eval", f"{folder}/resnet8.onnx", "--data", spec, *PREPROCESS, "--json"),
        *("--seed", "3", "--threads", "2"),
        *("--multiplier", "truncated:7", "recursive:4"),
    )
    assert printed.returncode == 0, printed.stderr
    data = recoup.data(spec, preprocess="fashion-mnist")
    net = recoup.load(folder / "resnet8.onnx")
    net.calibrate(data.sample(256, seed=3))
    found = net.evaluate(data, ["truncated:7", "recursive:4"], threads=2)
    assert without_times(found.to_json()) == without_times(printed.stdout)
    assert found.record["images"] == 64
    # The text as well, but for the digits of times.
    lines = [
        [line for line in text.splitlines() if "images_per_s" not in line]
        for text in (found.to_json(), printed.stdout)
    ]
    assert lines[0] == lines[1]


def test_evaluation_that_holds_images_out(folder: Path, spec: str, command: Command) -> None:
    printed = command(
        *("eval", f"{folder}/resnet8.onnx", "--data", spec, *PREPROCESS, "--json"),
        *("--images", "40", "--multiplier", "perforated:2", "--control-variate", "none"),
        *("--layers", "--weights", "i8-channel", "--threads", "2"),
    )
    assert printed.returncode == 0, printed.stderr
    data = recoup.data(spec, preprocess="fashion-mnist").first(40)
    net = recoup.load(folder / "resnet8.onnx")
    found = net.evaluate(
        data,
        "perforated:2",
        control_variate="none",
        weights="i8-channel",
        layers=True,
        threads=2,
    )
    assert without_times(found.to_json()) == without_times(printed.stdout)
    assert found.rows[1]["layers"]
    assert net.calibration is None


def test_weights_that_are_coded_again(folder: Path, spec: str, command: Command) -> None:
    model = Path(__file__).parents[2] / "reference" / "models" / "fashion-qdq-u8u8.onnx"
    printed = command(
        *("eval", str(model), "--data", spec, *PREPROCESS, "--json", "--images", "40"),
        *("--multiplier", "truncated:8", "--weights", "u8-channel", "--threads", "2"),
    )
    assert printed.returncode == 0, printed.stderr
    data = recoup.data(spec, preprocess="fashion-mnist").first(40)
    net = pickle.loads(pickle.dumps(recoup.load(model, weights_by_channel=True)))
    found = net.evaluate(data, "truncated:8", threads=2)
    assert without_times(found.to_json()) == without_times(printed.stdout)
    assert found.record["recoded_weight_codes"] > 2
    own = recoup.load(model).evaluate(data, "truncated:8", threads=2)
    assert "recoded_weight_codes" not in own.record


def test_evaluation_without_labels(folder: Path, command: Command) -> None:
    spec = f"idx:{folder}/images.gz"
    printed = command(
        *("eval", f"{folder}/resnet8.onnx", "--data", spec, *PREPROCESS, "--json"),
        *("--images", "20", "--multiplier", "truncated:7", "--threads", "2"),
    )
    data = recoup.data(spec, preprocess="fashion-mnist").first(20)
    found = recoup.load(folder / "resnet8.onnx").evaluate(data, ["truncated:7"], threads=2)
    assert without_times(found.to_json()) == without_times(printed.stdout)
    assert found.rows[1]["outputs"] and found.rows[1]["top1"] is None


def test_the_demo(demo: tuple[recoup.Network, recoup.Data], command: Command) -> None:
    printed = command("demo", "--json", "--images", "30", "--threads", "2")
    rows = {
        _key(row): row
        for row in without_times(printed.stdout)["results"]
    }
    net, images = demo
    found = net.evaluate(images.first(30), ["recursive:4", "perforated:3"], threads=2)
    assert len(found) == 3
    for row in without_times(found.rows):
        assert row == rows[_key(row)]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("multiplier", "control_variate", "activation_bits", "weight_bits")
    return tuple(row[name] for name in names)


def test_scores_bit_for_bit(
    folder: Path,
    spec: str,
    pictures: npt.NDArray[np.uint8],
    command: Command,
    tmp_path: Path,
) -> None:
    printed = command(
        *("eval", f"{folder}/resnet8.onnx", "--data", spec, *PREPROCESS, "--json"),
        *("--images", "50", "--calibration-data", f"idx:{folder}/calibration.gz"),
        *("--multiplier", "truncated:8", "--save-logits", str(tmp_path / "logits.npy")),
    )
    assert printed.returncode == 0, printed.stderr
    expected = np.load(tmp_path / "logits.npy")
    data = recoup.data(spec, preprocess="fashion-mnist")
    net = recoup.load(folder / "resnet8.onnx")
    net.calibrate(recoup.data(f"idx:{folder}/calibration.gz", preprocess="fashion-mnist"))
    x = pictures[:50]
    for index, design in enumerate(["exact", "truncated:8"]):
        logits = net.emulate(design)(x)
        assert logits.dtype == np.float32
        assert logits.tobytes() == expected[index].tobytes()
    assert without_times(
        net.evaluate(data.first(50), ["truncated:8"]).to_json()
    ) == without_times(printed.stdout)


@pytest.mark.parametrize("standard", [True, False])
def test_exploration(folder: Path, spec: str, command: Command, standard: bool) -> None:
    named = () if standard else ("--multiplier", "truncated:7", "mask:0xfcfcf8f0e0c00000")
    images = 10 if standard else 200
    printed = command(
        *("explore", f"{folder}/resnet8.onnx", "--data", spec, *PREPROCESS, "--json"),
        *("--images", str(images), "--max-loss", "5", "--threads", "2", *named),
        *("--calibration-data", f"idx:{folder}/calibration.gz"),
    )
    assert printed.returncode == 0, printed.stderr
    net = recoup.load(folder / "resnet8.onnx")
    net.calibrate(recoup.data(f"idx:{folder}/calibration.gz", preprocess="fashion-mnist"))
    run = recoup.explore(
        net,
        recoup.data(spec, preprocess="fashion-mnist").first(images),
        max_loss=5,
        multipliers=named[1:] or None,
        threads=2,
    )
    # The key of a result has the version of the program in it, and is the same.
    assert without_times(run.to_json()) == without_times(printed.stdout)
    if not standard:
        assert run.best is not None and run.best["verdict"] == "under"
        assert run.best in run.front and run.best["relative_power"] < 0.7


def test_arrays_in_silicon(command: Command, tmp_path: Path) -> None:
    printed = command(
        *("rtl", "--array", "4x4", "--multiplier", "truncated:7", "--json"),
        *("--load-constants", "--out", str(tmp_path / "native")),
    )
    assert printed.returncode == 0, printed.stderr
    own = tmp_path / "own"
    made = recoup.rtl("truncated:7", rows=4, columns=4, load_constants=True, out=own)
    # One row of PEs of four products, and four columns: the longer their chain, the longer the wait.
    assert made.record["constants_wait"] == 6 + 4 - 1
    record = json.loads(printed.stdout)
    assert made.record == {**record, "out": str(tmp_path / "own")}
    assert made.files == {path.name: path.read_text() for path in (tmp_path / "native").iterdir()}
    assert made.files == {path.name: path.read_text() for path in (tmp_path / "own").iterdir()}
    with pytest.raises(FileExistsError, match="exists already"):
        made.write(tmp_path / "own")


CELLS = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


@pytest.mark.skipif(not CELLS.exists(), reason="needs the cells of qflow-tech-osu018")
def test_cells_and_power(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = ("--cells", str(CELLS), "--no-cache", "--json")
    printed = command("synth", "--multiplier", "truncated:12", *cells)
    assert printed.returncode == 0, printed.stderr
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = recoup.synth("truncated:12", cells=CELLS, cache=False)
    assert made == json.loads(printed.stdout)
    assert list(tmp_path.iterdir()) == []
    plain = ("--products-per-pe", "2", "--share-columns", "1", "--clock-gating", "none")
    other = command("synth", "--multiplier", "truncated:12", *cells, *plain)
    made_other = recoup.synth(
        "truncated:12",
        cells=CELLS,
        cache=False,
        products_per_pe=2,
        share_columns=1,
        clock_gating="none",
    )
    assert made_other == json.loads(other.stdout) != made
    fewer_cells = ("synth", "--multiplier", "truncated:12", *cells, "--dont-use", "NAND*")
    without = command(*fewer_cells)
    fewer = recoup.synth("truncated:12", cells=CELLS, dont_use="NAND*")
    assert fewer == json.loads(without.stdout), without.stderr
    assert fewer["dont_use"] == ["NAND*"]
    assert fewer["designs"] != made["designs"]
    # Kept where the command keeps them, which takes them from there.
    again = command(*(word for word in fewer_cells if word != "--no-cache"))
    cached = [design["cached"] for design in json.loads(again.stdout)["designs"]]
    assert len(cached) == 2 and all(cached)
    printed = command(
        *("power", "--multiplier", "truncated:12", "--array", "2x2", *cells),
        *("--stimuli", "uniform", "--standard-error", "20"),
    )
    assert printed.returncode == 0, printed.stderr
    found = recoup.power(
        "truncated:12",
        rows=2,
        columns=2,
        cells=[CELLS],
        stimuli="uniform",
        standard_error=0.2,
        cache=False,
    )
    assert found == json.loads(printed.stdout)


def test_output_and_exit_codes(command: Command) -> None:
    shown = command("--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"recoup {recoup.__version__}\n"
    assert "Examples:" in command("eval", "--help").stdout
    wrong = command("eval", "none.onnx", "--data", "npz:none.npz")
    assert wrong.returncode == 2 and wrong.stdout == ""
    assert wrong.stderr.startswith("error: none.onnx: ")
    unknown = command("evil")
    assert unknown.returncode == 2 and "recoup <COMMAND>" in unknown.stderr
