"""The page of the API."""

import importlib.util
from pathlib import Path

HERE = Path(__file__).parent.parent


def test_the_page_is_that_of_the_package() -> None:
    spec = importlib.util.spec_from_file_location("api", HERE / "api.py")
    assert spec is not None and spec.loader is not None
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    page = api.PAGE.read_text(encoding="utf-8")
    assert page.count("\n### ") > 25
    assert page == api.page(), "write it again: python python/api.py"
