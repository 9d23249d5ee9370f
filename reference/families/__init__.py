"""The odd models of `odd_models.py`, one file per family; importing them
registers their models."""

from . import (  # noqa: F401
    bytes,
    codings,
    conv,
    elementwise,
    extremes,
    film,
    forms,
    gemm,
    integer,
    pooling,
    qoperator,
    shapes,
    static,
    tflite,
    together,
    wiring,
)
