"""What the Rust side gives; the modules beside this one document it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from ._multiplier import Metrics

VERSION: str

class _Running(Protocol):
    @property
    def threads(self) -> int | None: ...
    @property
    def progress(self) -> Callable[[str, int, int, str], object] | None: ...

class _Limits(Protocol):
    @property
    def thorough(self) -> bool: ...
    @property
    def observed_images(self) -> int: ...
    @property
    def image_limit(self) -> int | None: ...
    @property
    def time_limit_s(self) -> float | None: ...

class _Pool(Protocol):
    def __len__(self) -> int: ...
    def submit(self, piece: str) -> None: ...
    def wait(self) -> tuple[str, str] | None: ...
    def forget(self) -> None: ...

class _Measure(Protocol):
    def begin(
        self,
        evaluated: npt.NDArray[np.int64],
        images: int,
        labels: npt.NDArray[np.int64] | None,
        designs: list[str],
    ) -> None: ...
    def see(
        self,
        candidate: int | None,
        first: int,
        outputs: list[tuple[str, npt.NDArray[np.float32]]],
    ) -> None: ...

class _Array(Protocol):
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def products_per_pe(self) -> int | None: ...
    @property
    def share_columns(self) -> int | None: ...
    @property
    def clock_gating(self) -> str: ...
    @property
    def pipeline(self) -> bool: ...
    @property
    def zero_gating(self) -> bool: ...
    @property
    def x_in_pe(self) -> bool: ...
    @property
    def load_constants(self) -> bool: ...

class _Cells(Protocol):
    @property
    def files(self) -> list[str]: ...
    @property
    def clock_ps(self) -> float | None: ...
    @property
    def dont_use(self) -> list[str]: ...
    @property
    def wire_ff(self) -> float: ...
    @property
    def cache(self) -> str | None: ...
    @property
    def no_cache(self) -> bool: ...

_Parameters = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

@final
class Data:
    @staticmethod
    def open(
        spec: str,
        preprocess: str,
        labels: bool,
        classes: Any,
        label_offset: int,
        running: _Running,
    ) -> Data: ...
    @staticmethod
    def of_arrays(
        arrays: Sequence[tuple[str, npt.NDArray[Any]]],
        labels: Sequence[int] | None,
        preprocess: str,
        label_offset: int,
    ) -> Data: ...
    def some(self, images: int, seed: int | None) -> Data: ...
    @property
    def name(self) -> str: ...
    @property
    def preprocess(self) -> str: ...
    @property
    def images(self) -> int | None: ...

@final
class Multiplier:
    @staticmethod
    def read(
        text: str,
        cells: Sequence[str],
        ports: Sequence[str] | None,
        operands: str | None,
        swap: bool,
    ) -> Multiplier: ...
    @staticmethod
    def of_products(name: str, products: Sequence[int], operands: str) -> Multiplier: ...
    @property
    def name(self) -> str: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def mask(self) -> int | None: ...
    @property
    def is_exact(self) -> bool: ...
    @property
    def weights_signed(self) -> bool: ...
    @property
    def identity(self) -> str: ...
    @property
    def table(self) -> npt.NDArray[np.int32]: ...
    @property
    def errors(self) -> npt.NDArray[np.int32]: ...
    @property
    def metrics(self) -> Metrics: ...

@final
class Design:
    @staticmethod
    def read(text: str, control_variate: str | None) -> Design: ...
    @staticmethod
    def make(
        multiplier: Multiplier,
        control_variate: str | None,
        bits: tuple[int, int],
        quantization: str | None,
        exact_ends: bool,
        codes: tuple[str | None, str],
        control_options: tuple[
            int | None, int | None, int | None, tuple[str | None, str | None, str | None]
        ],
    ) -> Design: ...
    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...

@final
class Network:
    @staticmethod
    def open(
        path: str,
        input_shape: Sequence[int] | None,
        attention: str,
        weights_by_channel: bool,
        running: _Running,
    ) -> Network: ...
    @staticmethod
    def of_bytes(
        content: bytes,
        path: str,
        input_shape: Sequence[int] | None,
        attention: str,
        weights_by_channel: bool,
        running: _Running,
    ) -> Network: ...
    @staticmethod
    def demo(name: str, running: _Running) -> tuple[Network, Data]: ...
    @property
    def path(self) -> Any: ...
    @property
    def inputs(self) -> list[tuple[str, list[int]]]: ...
    @property
    def outputs(self) -> list[tuple[str, list[int]]]: ...
    @property
    def calibration(self) -> tuple[str, int, str] | None: ...
    def calibrate(
        self, data: Data, method: str, channel_scaling: str, running: _Running
    ) -> None: ...
    def evaluate(
        self,
        data: Data,
        designs: Sequence[Design],
        weights: str,
        details: tuple[bool, bool],
        batch: int,
        measure: _Measure | None,
        pool: tuple[_Pool, int] | None,
        running: _Running,
    ) -> str: ...
    def emulate(self, design: Design, running: _Running) -> Emulator: ...
    @property
    def layers(
        self,
    ) -> list[tuple[str, _Parameters | None, tuple[int, int, int, int] | None]]: ...
    def emulate_with(
        self, design: Design, parameters: Sequence[_Parameters], running: _Running
    ) -> Emulator: ...

@final
class Layer:
    def run(
        self,
        inputs: npt.NDArray[np.float32],
        loaded: npt.NDArray[np.float32],
        running: _Running,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...
    @property
    def inputs(self) -> list[tuple[list[str], float, int, int]]: ...
    @property
    def factor(self) -> float: ...
    @property
    def signed(self) -> bool: ...
    @property
    def weights(
        self,
    ) -> (
        tuple[npt.NDArray[np.int16], npt.NDArray[np.float32], npt.NDArray[np.int32]] | None
    ): ...

@final
class Emulator:
    def run(
        self, arrays: Sequence[tuple[str, npt.NDArray[Any]]], running: _Running
    ) -> list[tuple[str, npt.NDArray[np.float32]]]: ...
    @property
    def design(self) -> Design: ...
    def layer(self, index: int) -> Layer | None: ...
    @property
    def codes(self) -> list[tuple[list[str], float, int]]: ...
    @property
    def kernels(self) -> list[str]: ...

@final
class Exploration:
    @property
    def json(self) -> str: ...
    @property
    def sentences(self) -> list[list[str]]: ...
    @property
    def is_early(self) -> bool: ...
    def page(self, max_loss: float | None) -> str | None: ...

@final
class Worker:
    def __init__(
        self,
        networks: Sequence[tuple[Network, Data]],
        tried: Sequence[Multiplier] | Sequence[Design] | None,
        running: _Running,
    ) -> None: ...
    def run(self, piece: str) -> str: ...

@final
class Evaluator:
    def __init__(
        self,
        network: Network,
        data: Data,
        designs: Sequence[Design],
        weights: str,
        details: tuple[bool, bool],
        batch: int,
        measure: _Measure | None,
        running: _Running,
    ) -> None: ...
    def run(self, piece: str) -> str: ...

def explore(
    networks: Sequence[tuple[Network, Data]],
    max_loss: float,
    tried: Sequence[Multiplier] | Sequence[Design] | None,
    limits: _Limits,
    out: str | None,
    command: str,
    pool: tuple[_Pool, int] | None,
    running: _Running,
) -> Exploration: ...
def design_multiplier(
    networks: Sequence[tuple[Network, Data]],
    max_loss: float,
    search: tuple[int, int, int],
    limits: _Limits,
    out: str | None,
    command: str,
    running: _Running,
) -> Exploration: ...
def rtl(
    subject: Emulator | Design,
    array: _Array,
    depth: int | None,
    layer: str | None,
    seed: int,
    out: str,
    running: _Running,
) -> tuple[str, list[tuple[str, str]]]: ...
def synth(design: Design, array: _Array, cells: _Cells, running: _Running) -> str: ...
def synth_folder(folder: str, top: str | None, cells: _Cells, running: _Running) -> str: ...
def power(
    subjects: Sequence[Emulator | Design],
    array: _Array,
    cells: _Cells,
    stimuli: str,
    standard_error: float,
    fast: bool,
    seed: int,
    running: _Running,
) -> str: ...
def arrow_stream(rows: str, columns: Sequence[tuple[str, str, str, int | None]]) -> object: ...
def columns(explored: bool) -> list[tuple[str, str, str, int | None]]: ...
def command(arguments: Sequence[str]) -> int: ...
