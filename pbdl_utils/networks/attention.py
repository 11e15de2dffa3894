"""Self-attention, linear attention and a small Transformer for fields on a periodic grid."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

Tokens = Float[Tensor, "*batch token feature"]


def softmax_attention(query: Tokens, key: Tokens, value: Tokens) -> Tokens:
    """Return ``softmax(Q K^T / sqrt(d)) V``: each token receives a weighted mean of all values.

    Written out, so that its cost is visible: the matrix of weights has (number of tokens)^2 entries.
    Source: Vaswani et al. (2017).
    """
    weights = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return weights.softmax(dim=-1) @ value


def positive_features(x: Tokens) -> Tokens:
    """Return ``elu(x) + 1``, a positive feature map for linear attention (Katharopoulos et al. 2020)."""
    return nn.functional.elu(x) + 1


def linear_attention(query: Tokens, key: Tokens, value: Tokens) -> Tokens:
    """Return ``phi(Q) (phi(K)^T V)``, normalised per token; the large matrix of weights is never formed.

    Equal to the weights ``phi(Q) phi(K)^T`` divided by their row sums, times V, at a cost that is linear in the
    number of tokens. Source: Katharopoulos et al. (2020).
    """
    query, key = positive_features(query), positive_features(key)
    summary = key.transpose(-1, -2) @ value
    normaliser = query @ key.sum(dim=-2).unsqueeze(-1)
    return query @ summary / normaliser


KINDS = {"softmax": softmax_attention, "linear": linear_attention}


class SelfAttention(nn.Module):
    """Self-attention with several heads.

    Shape: ``(batch, token, width)`` to the same. Parameters: ``4 (width**2 + width)``, whatever the number of tokens.
    Source: Vaswani et al. (2017).

    Args:
        width: features per token.
        heads: number of heads; each works with ``width / heads`` features.
        kind: ``"softmax"`` or ``"linear"``.

    Raises:
        ValueError: if the heads do not divide the width, or for an unknown kind.
    """

    def __init__(self, width: int, heads: int = 4, kind: str = "softmax") -> None:
        super().__init__()
        if width % heads or kind not in KINDS:
            raise ValueError(
                f"width {width}, heads {heads}, kind {kind!r}: heads must divide width, kind in {list(KINDS)}."
            )
        self.heads, self.attend = heads, KINDS[kind]
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        """Return the mixed tokens."""
        parts = self.project(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(self.attend(*parts).transpose(1, 2).flatten(-2))


class TransformerBlock(nn.Module):
    """Attention and a two-layer network per token, each normalised before and added to its input.

    Shape: ``(batch, token, width)`` to the same. Parameters: ``12 width**2 + 13 width`` for a hidden layer of four
    times the width. Source: Vaswani et al. (2017); normalisation comes first, as is usual today.
    """

    def __init__(self, width: int, heads: int = 4, kind: str = "softmax") -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), SelfAttention(width, heads, kind))
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        """Return the tokens after one block."""
        x = x + self.attention(x)
        return x + self.feed_forward(x)


class FieldTransformer(nn.Module):
    """A Transformer on patches of a periodic field.

    Each ``patch x patch`` square becomes a token; its position enters as sines and cosines of the first ``waves``
    frequencies per axis. Blocks, then a linear map back to the patches.

    Shape: ``(batch, in_channels, y, x) -> (batch, out_channels, y, x)``; y and x divisible by ``patch``.
    Parameters: 49,912 for the defaults. Source: Vaswani et al. (2017); patches as in Dosovitskiy et al. (2021).

    Args:
        patch: cells per side of a patch.
        width: features per token.
        blocks: number of Transformer blocks.
        heads: attention heads per block.
        waves: frequencies per axis in the encoding of the position.
        kind: ``"softmax"`` or ``"linear"`` attention.

    Raises:
        ValueError: if sizes do not divide, or for an unknown kind of attention.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        patch: int = 4,
        width: int = 44,
        blocks: int = 2,
        heads: int = 4,
        waves: int = 4,
        kind: str = "softmax",
    ) -> None:
        super().__init__()
        self.patch, self.waves = patch, waves
        self.encode = nn.Conv2d(in_channels, width, patch, stride=patch)
        self.position = nn.Linear(4 * waves, width)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads, kind) for _ in range(blocks)))
        self.decode = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, out_channels * patch**2))

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch out y x"]:
        """Return the output field."""
        if x.shape[-1] % self.patch or x.shape[-2] % self.patch:
            raise ValueError(f"the field is {tuple(x.shape[-2:])} cells, expected both divisible by {self.patch}.")
        encoded = self.encode(x)
        rows, columns = encoded.shape[-2:]
        positions = periodic_positions(rows, columns, self.waves).to(x)
        tokens = encoded.flatten(2).transpose(1, 2) + self.position(positions)
        patches = self.decode(self.blocks(tokens)).transpose(1, 2).unflatten(2, (rows, columns))
        return nn.functional.pixel_shuffle(patches, self.patch)


def periodic_positions(rows: int, columns: int, waves: int) -> Float[Tensor, "token feature"]:
    """Return sines and cosines of the positions of all tokens, row by row; ``4 * waves`` features."""
    frequencies = 2 * math.pi * torch.arange(1, waves + 1)
    y, x = torch.meshgrid(torch.arange(rows) / rows, torch.arange(columns) / columns, indexing="ij")
    phases = torch.stack([y, x], dim=-1)[..., None] * frequencies
    return torch.cat([phases.sin(), phases.cos()], dim=-1).flatten(2).flatten(0, 1)
