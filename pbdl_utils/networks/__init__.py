"""Network constructors; each docstring gives shapes and the number of parameters."""

from pbdl_utils.networks.attention import (
    FieldTransformer,
    SelfAttention,
    TransformerBlock,
    linear_attention,
    positive_features,
    softmax_attention,
)
from pbdl_utils.networks.conv import ResidualBlock, cnn, convolution, resnet
from pbdl_utils.networks.fno import FNO, SpectralConvolution
from pbdl_utils.networks.mlp import mlp, parameter_count
from pbdl_utils.networks.unet import AirfoilUNet, UNet

__all__ = [
    "FNO",
    "AirfoilUNet",
    "FieldTransformer",
    "ResidualBlock",
    "SelfAttention",
    "SpectralConvolution",
    "TransformerBlock",
    "UNet",
    "cnn",
    "convolution",
    "linear_attention",
    "mlp",
    "parameter_count",
    "positive_features",
    "resnet",
    "softmax_attention",
]
