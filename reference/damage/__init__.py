"""The damaged models of `damaged_models.py`, one file per kind of defect;
importing them registers their models."""

from . import (  # noqa: F401
    attributes,
    files,
    graphs,
    names,
    origins,
    quantised,
    sizes,
    tensors,
    vectors,
)
