"""ONNX from PyTorch modules."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..errors import ModelError


def exported(
    module: nn.Module, example: Tensor | tuple[Tensor, ...], *, optimize: bool = True
) -> bytes:
    """The content of an ONNX file with a batch of 1, and weights by their names in the module."""
    arguments = example if isinstance(example, tuple) else (example,)
    for number, argument in enumerate(arguments):
        if not isinstance(argument, Tensor) or argument.ndim == 0 or argument.shape[0] == 0:
            raise ModelError(
                f"example: argument {number} is no tensor with a batch of one or more records"
            )
    records = tuple(argument[:1].detach() for argument in arguments)
    with quiet():
        try:
            made = torch.onnx.export(
                copy.deepcopy(module).eval(),
                records,
                dynamo=True,
                optimize=optimize,
                verbose=False,
            )
        except ImportError as error:
            raise ModelError(
                f"{type(module).__name__}: PyTorch writes ONNX with packages that are not there "
                f"({error}); pip install onnx onnxscript"
            ) from error
        except torch.onnx.errors.OnnxExporterError as error:
            raise ModelError(
                f"{type(module).__name__}: PyTorch does not export it to ONNX: "
                f"{first_line(error.__cause__ or error)}"
            ) from error
    assert made is not None
    content: bytes = made.model_proto.SerializeToString()
    return content


def first_line(error: BaseException) -> str:
    """What PyTorch says; advice of many lines follows."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Without what PyTorch's exporters say of themselves: errors are raised in any case."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
