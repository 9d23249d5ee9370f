"""Deep neural networks on approximate multipliers, with the accuracy recovered by a control variate.

>>> net, images = recoup.demo()
>>> em = net.emulate("truncated:7")
>>> found = net.evaluate(images.first(64), ["truncated:7", "perforated:2"])
>>> len(found)
3

The whole of it is in docs/python.md.
"""

from ._recoup import VERSION as __version__
from ._data import Data, data
from ._design import Design
from ._explore import Run, design_multiplier, explore
from ._from_torch import from_torch
from ._multiplier import Metrics, Multiplier
from ._network import Calibration, Emulator, Network, demo, load
from ._ray import RayExecutor
from ._results import Results
from ._silicon import Rtl, power, rtl, synth
from .errors import (
    CalibrationError,
    ControlVariateError,
    DataError,
    EmulationError,
    ExecutorError,
    FaultError,
    HardwareError,
    ModelError,
    MultiplierError,
    RecoupError,
    RequestError,
    ResultsError,
    StoppedError,
)

__all__ = [
    "__version__",
    "Calibration",
    "CalibrationError",
    "ControlVariateError",
    "Data",
    "DataError",
    "Design",
    "EmulationError",
    "Emulator",
    "ExecutorError",
    "FaultError",
    "HardwareError",
    "Metrics",
    "ModelError",
    "Multiplier",
    "MultiplierError",
    "Network",
    "RayExecutor",
    "RecoupError",
    "RequestError",
    "Results",
    "ResultsError",
    "Rtl",
    "Run",
    "StoppedError",
    "data",
    "demo",
    "design_multiplier",
    "explore",
    "from_torch",
    "load",
    "power",
    "rtl",
    "synth",
]
