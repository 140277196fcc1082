"""1x1 convolutions as the matrices they are.

Shapes: B batch, C channels in, R channels out, K vectors.
"""

from torch import Tensor, nn
from torch.nn import functional as F


def matrix_form(convolution: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Matrix (R, C) and bias (R), zero if the convolution has none."""
    matrix, bias = convolution.weight.flatten(1), convolution.bias
    return matrix, matrix.new_zeros(len(matrix)) if bias is None else bias


def pointwise(convolution: nn.Conv2d, vectors: Tensor) -> Tensor:
    """The convolution of single positions, (B, K, C) to (B, K, R)."""
    return F.linear(vectors, convolution.weight.flatten(1), convolution.bias)


def as_column(vectors: Tensor) -> Tensor:
    """(B, 1, C) to (B, C, 1), with strides that do not look like channels_last."""
    return vectors.reshape(vectors.shape[0], -1, 1)
