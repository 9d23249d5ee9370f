"""Writes docs/python-api.md from the types and docstrings of the package: `python api.py`.

Needs griffe, which reads sources without running them; the tests compare the page.
"""

from __future__ import annotations

import re
from pathlib import Path

import griffe

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "python-api.md"

HEAD = """# Everything in the package for Python

Made from its types and docstrings by `python/api.py`; [python.md](python.md) is the guide. Arrays
are NumPy's or whatever the buffer protocol or DLPack gives.
"""

ROLE = re.compile(r":(?:class|func|meth|attr|exc|mod):`~?([^`]+)`")


def page() -> str:
    """The page."""
    package = griffe.load("recoup", search_paths=[HERE], docstring_parser="google")
    public, torch = exported(package), exported(package["torch"])
    errors = [it for it in public if it.path.startswith("recoup.errors.")]
    parts = [HEAD]
    groups = [
        ("Functions", "recoup", [it for it in public if it.is_function]),
        ("Classes", "recoup", [it for it in public if it.is_class and it not in errors]),
        ("PyTorch", "recoup.torch", torch),
        ("Errors", "recoup", errors),
    ]
    for title, module, members in groups:
        parts.append(f"## {title}\n")
        for member in members:
            parts += entry(member, f"{module}.{member.name}", 3)
    return "\n".join(parts).rstrip() + "\n"


def exported(module: griffe.Object) -> list[griffe.Object]:
    """What a module has for its users."""
    names = [str(name) for name in module.exports or []]
    public = [module[name] for name in names if not name.startswith("_")]
    return [it.final_target if it.is_alias else it for it in public]


def entry(it: griffe.Object, name: str, level: int) -> list[str]:
    """A class with its members, a function or an attribute."""
    parts = [f"{'#' * level} {name}\n", f"```python\n{signature(it)}\n```\n"]
    if it.docstring is not None:
        parts += docstring(it.docstring)
    if it.is_class:
        for member in it.members.values():
            shown = member.name == "__call__" or not member.name.startswith("_")
            if shown and not member.is_alias and member.docstring is not None:
                parts += entry(member, f"{it.name}.{member.name}", level + 1)
    return parts


def signature(it: griffe.Object) -> str:
    """As it is declared."""
    if it.is_class:
        bases = ", ".join(str(base) for base in it.bases)
        return f"class {it.name}({bases})" if bases else f"class {it.name}"
    if not it.is_function:
        return f"{it.name}: {it.annotation}"
    words = "async def" if "async" in it.labels else "def"
    listed = [
        str(parameter.name)
        if parameter.annotation is None
        else written(parameter)
        for parameter in it.parameters
        if parameter.name != "self"
    ]
    at = next((n for n, it in enumerate(keywords(it)) if it), None)
    if at is not None:
        listed.insert(at, "*")
    line = f"{words} {it.name}({', '.join(listed)}) -> {it.returns}"
    if len(line) <= 96:
        return line
    return f"{words} {it.name}(\n    " + ",\n    ".join(listed) + f",\n) -> {it.returns}"


def keywords(function: griffe.Function) -> list[bool]:
    """Which parameters are given by name only."""
    by_name = griffe.ParameterKind.keyword_only
    return [it.kind is by_name for it in function.parameters if it.name != "self"]


def written(parameter: griffe.Parameter) -> str:
    """A parameter with its type and default."""
    stars = {
        griffe.ParameterKind.var_positional: "*",
        griffe.ParameterKind.var_keyword: "**",
    }.get(parameter.kind, "")
    default = "" if stars or parameter.default is None else f" = {parameter.default}"
    return f"{stars}{parameter.name}: {parameter.annotation}{default}"


def docstring(it: griffe.Docstring) -> list[str]:
    """Text, tables of parameters and errors, and examples."""
    parts: list[str] = []
    for section in it.parsed:
        kind = section.kind.value
        if kind == "text":
            parts.append(f"{prose(section.value)}\n")
        elif kind in ("parameters", "attributes"):
            rows = [f"- `{each.name}`: {flat(each.description)}" for each in section.value]
            parts.append("\n".join(rows) + "\n")
        elif kind == "returns":
            parts.append(f"Returns\n\n{flat(section.value[0].description)}\n")
        elif kind == "raises":
            rows = [f"- `{each.annotation}`: {flat(each.description)}" for each in section.value]
            parts.append("Raises\n\n" + "\n".join(rows) + "\n")
        elif kind == "examples":
            for _, example in section.value:
                parts.append(f"```python\n{example}\n```\n")
        else:
            raise ValueError(f"{it.parent}: a section \"{kind}\" of a docstring, which is not known")
    return parts


def prose(text: str) -> str:
    """Text with its doctests as code."""
    paragraphs = []
    for paragraph in re.split(r"\n{2,}", text):
        if paragraph.lstrip().startswith(">>>"):
            paragraphs.append(f"```python\n{paragraph}\n```")
        else:
            paragraphs.append(marked(paragraph))
    return "\n\n".join(paragraphs)


def flat(text: str) -> str:
    """On one line."""
    return " ".join(marked(text).split())


def marked(text: str) -> str:
    """Markdown for roles and literals."""
    return ROLE.sub(r"`\1`", text).replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
