"""The damaged models of `damaged_models.py`, one file per kind of defect;
importing them registers their models."""

from . import attributes, graphs, quantised, sizes, tensors  # noqa: F401
