"""PyTorch modules on approximate multipliers: emulated, fine-tuned and exported.

It needs PyTorch 2.6 or later, with onnx and onnxscript: ``pip install recoup[torch]``.
"""

try:
    from ._module import EmulatedModule, emulate
except ModuleNotFoundError as error:
    if error.name not in ("torch", "onnx"):
        raise
    raise ModuleNotFoundError(
        f"recoup.torch needs {error.name}, which is not there; pip install recoup[torch]",
        name=error.name,
    ) from error

__all__ = ["EmulatedModule", "emulate"]
