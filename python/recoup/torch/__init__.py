"""PyTorch modules on approximate multipliers."""
