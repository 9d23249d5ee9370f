"""The odd models of `odd_models.py`, one file per family; importing them
registers their models."""

from . import elementwise  # noqa: F401
from . import codings  # noqa: F401
from . import conv, gemm  # noqa: F401
from . import pooling, shapes, wiring  # noqa: F401
from . import tflite  # noqa: F401
from . import integer, qoperator, static  # noqa: F401
