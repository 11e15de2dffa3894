"""Network constructors; each docstring gives shapes and the number of parameters."""

from pbdl_utils.networks.mlp import mlp, parameter_count

__all__ = ["mlp", "parameter_count"]
