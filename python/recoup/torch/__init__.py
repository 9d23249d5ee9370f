"""PyTorch modules on approximate multipliers: emulated, fine-tuned and exported.

It needs PyTorch 2.6 or later, with onnx and onnxscript: ``pip install recoup[torch]``.
"""

from ._module import EmulatedModule, emulate

__all__ = ["EmulatedModule", "emulate"]
