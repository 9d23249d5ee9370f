"""Results as tables of other libraries, as HTML and as figures."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas
import polars
import pyarrow
import pytest

import recoup

matplotlib.use("Agg")

Demo = tuple[recoup.Network, recoup.Data]
DESIGNS = ["truncated:7", recoup.Design("truncated:7", control_variate="none"), "exact, 5 activation bits"]


@pytest.fixture(scope="module")
def found(demo: Demo) -> recoup.Results:
    return demo[0].evaluate(demo[1].first(60), DESIGNS)


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> recoup.Run:
    out = tmp_path_factory.mktemp("run") / "run.db"
    return recoup.explore(demo[0], demo[1].first(200), max_loss=5, designs=DESIGNS, out=out)


def test_tables_of_an_evaluation(found: recoup.Results) -> None:
    table = pyarrow.table(found)
    assert table.num_rows == len(found) == 4
    assert table.column("multiplier").to_pylist() == ["exact", "truncated:7", "truncated:7", "exact"]
    assert table.column("c_frac").to_pylist() == [row["c_frac"] for row in found.rows]
    low = [row["ci95"][0] for row in found.rows]
    assert table.column("ci95_low").to_pylist() == low
    frame = found.to_pandas()
    assert list(frame["ci95_low"]) == low and frame["exact_ends"].dtype == "boolean"
    assert frame["c_frac"].isna().tolist() == [True, False, True, True]
    assert polars.DataFrame(found).equals(found.to_polars())
    assert found.to_polars().columns == list(frame.columns) == table.column_names
    assert pandas.Series(table["top1"].to_pylist()).tolist() == frame["top1"].tolist()
    # Twice: each stream is one of its own.
    assert pyarrow.table(found).equals(table)


def test_tables_of_a_run(run: recoup.Run) -> None:
    table = pyarrow.table(run)
    assert table.column("status").to_pylist() == [row["status"] for row in run.rows]
    assert table.schema.field("images_to_decide").type == pyarrow.int64()
    assert run.to_polars().equals(polars.DataFrame(table))
    assert len(run.to_pandas()) == len(run) == 4


def test_results_travel(found: recoup.Results) -> None:
    again = pickle.loads(pickle.dumps(found))
    assert again.to_json() == found.to_json() and pyarrow.table(again).equals(pyarrow.table(found))


class Cells(HTMLParser):
    """Counts tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_html(found: recoup.Results, run: recoup.Run) -> None:
    tags = Cells(found._repr_html_()).tags
    assert (tags.count("tr"), tags.count("th"), tags.count("td")) == (5, 5, 20)
    assert f"{found.rows[1]['ci95'][0]:.2f}" in found._repr_html_()
    text = run._repr_html_()
    tags = Cells(text).tags
    assert (tags.count("tr"), tags.count("iframe"), tags.count("script")) == (5, 1, 0)
    assert "&lt;svg" in text or "&lt;script" in text


def test_names_are_not_html(demo: Demo) -> None:
    table = np.outer(np.arange(256), np.arange(256))
    odd = recoup.Multiplier.from_table(table & ~1, name="<b>&")
    shown = demo[0].evaluate(demo[1].first(4), [odd])._repr_html_()
    assert "&lt;b&gt;&amp;" in shown and "<b>" not in shown


def test_text(found: recoup.Results, run: recoup.Run) -> None:
    lines = repr(found).splitlines()
    assert lines[0].endswith("60 images of Fashion-MNIST test images 0 to 1999 (embedded)")
    assert [line.split()[0] for line in lines[2:]] == ["exact", "truncated:7", "truncated:7", "exact,"]
    assert all("[" in line for line in lines[2:])
    assert run.answer in repr(run) and "points" in run.answer


def test_the_page(run: recoup.Run, tmp_path: Path) -> None:
    run.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and "recoup.explore([" in page
    with pytest.raises(FileExistsError):
        run.report(tmp_path / "page.html")
    run.report(tmp_path / "page.html", replace=True, max_loss=50)
    assert (tmp_path / "page.html").read_text() != page


def test_a_run_goes_on_from_its_file(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "run.db"
    first = recoup.explore(
        demo[0], demo[1].first(200), max_loss=5, designs=["truncated:7"], out=out, image_limit=1
    )
    assert first.is_early
    second = recoup.explore(
        demo[0], demo[1].first(200), max_loss=5, designs=["truncated:7"], out=out
    )
    assert not second.is_early and second.best is not None


def test_figures(found: recoup.Results, run: recoup.Run, tmp_path: Path) -> None:
    axes = found.plot()
    assert axes.get_ylabel() == "loss / points"
    kinds = ["with V", "without V", "exact products"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == kinds
    assert "exact 5x8" in [text.get_text() for text in axes.texts]
    axes.figure.savefig(tmp_path / "losses.pdf")
    axes = run.plot()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == kinds
    assert len(axes.lines) >= 2
    axes.figure.savefig(tmp_path / "front.pdf")
    # 64 dots, those that are left out hollow.
    axes = recoup.Multiplier("truncated:7").plot()
    assert [len(dots.get_offsets()) for dots in axes.collections] == [36, 28]
    odd = recoup.Multiplier.from_function(lambda w, a: w * a - (w > 3), name="odd")
    assert odd.plot().images[0].get_array().max() == 1
    assert sum(bar.get_height() for bar in odd.plot("histogram").patches) == pytest.approx(100)
    with pytest.raises(recoup.RequestError, match="odd has errors, histogram"):
        odd.plot("dots")
    matplotlib.pyplot.close("all")
