"""The formula behind each golden file of a block, in NumPy, without torch or our blocks.

A formula takes an image (C, H, W) and the parameters by the names that the reference code
gives them. It is written from the paper, or from what that code computes. It must also work
with complex numbers, whose imaginary parts carry a derivative: a maximum therefore compares
real parts, and nothing is conjugated. N = H*W.
"""

# mypy: disable-error-code="no-any-return"
# To mypy, arithmetic on arrays of any type is Any.

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

EPSILON = 1e-5  # of layer norms and batch norms
KERNEL = 7  # side of the convolution over pooled channels

Array = NDArray[Any]  # real, or complex while a derivative is computed
Parameters = dict[str, Array]
Formula = Callable[[Array, Parameters], Array]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0)


def softmax(x: Array, axis: int) -> Array:
    exponentials = np.exp(x - x.real.max(axis, keepdims=True))
    return exponentials / exponentials.sum(axis, keepdims=True)


def maximum(x: Array, axis: int) -> Array:
    largest = np.expand_dims(x.real.argmax(axis), axis)
    return np.take_along_axis(x, largest, axis).squeeze(axis)


def affine(name: str, x: Array, parameters: Parameters) -> Array:
    """A 1x1 convolution of (C, N) or a linear layer of (C,), with its bias if any."""
    weight = parameters[f"{name}.weight"]
    y: Array = weight.reshape(weight.shape[:2]) @ x
    bias = parameters.get(f"{name}.bias")
    if bias is None:
        return y
    return y + (bias[:, None] if y.ndim == 2 else bias)


def layer_norm(name: str, x: Array, parameters: Parameters) -> Array:
    """Normalises over the channels (C,) of one image."""
    centred = x - x.mean()
    scaled = centred / np.sqrt((centred**2).mean() + EPSILON)
    weight, bias = (parameters[f"{name}.{part}"].ravel() for part in ("weight", "bias"))
    return scaled * weight + bias


def batch_norm(name: str, x: Array, parameters: Parameters) -> Array:
    """Uses the running statistics of the channels (C,)."""
    mean, variance = (parameters[f"{name}.running_{part}"] for part in ("mean", "var"))
    scaled = (x - mean) / np.sqrt(variance + EPSILON)
    return scaled * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def convolution(planes: Array, weight: Array) -> Array:
    """Maps planes (2, H, W) to one plane (H, W), padded with zeros."""
    margin = KERNEL // 2
    padded = np.pad(planes, ((0, 0), (margin, margin), (margin, margin)))
    windows = sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
    return np.einsum("chwij,cij->hw", windows, weight[0])


def flat(image: Array) -> Array:
    return image.reshape(len(image), -1)


def squeeze_excitation(image: Array, parameters: Parameters) -> Array:
    hidden = relu(affine("fc.0", image.mean((1, 2)), parameters))
    return image * sigmoid(affine("fc.2", hidden, parameters))[:, None, None]


def global_context(image: Array, parameters: Parameters) -> Array:
    weights = softmax(affine("conv_mask", flat(image), parameters), axis=1)  # (1, N)
    context = (flat(image) * weights).sum(1)
    hidden = affine("channel_add_conv.0", context, parameters)
    hidden = relu(layer_norm("channel_add_conv.1", hidden, parameters))
    return image + affine("channel_add_conv.3", hidden, parameters)[:, None, None]


def cbam(image: Array, parameters: Parameters) -> Array:
    def mlp(pooled: Array) -> Array:
        hidden = relu(affine("ChannelGate.mlp.1", pooled, parameters))
        return affine("ChannelGate.mlp.3", hidden, parameters)

    gate = sigmoid(mlp(image.mean((1, 2))) + mlp(maximum(flat(image), 1)))
    gated = image * gate[:, None, None]
    planes = np.stack([maximum(gated, 0), gated.mean(0)])
    plane = convolution(planes, parameters["SpatialGate.spatial.conv.weight"])
    return gated * sigmoid(batch_norm("SpatialGate.spatial.bn", plane, parameters))


def non_local(image: Array, parameters: Parameters) -> Array:
    """Embedded Gaussian, unscaled."""
    query, key, value = (
        affine(name, flat(image), parameters) for name in ("theta", "phi", "g")
    )
    context = value @ softmax(query.T @ key, axis=1).T
    return image + affine("W", context, parameters).reshape(image.shape)


def non_local_code(image: Array, parameters: Parameters) -> Array:
    """Scaled, keys and values pooled 2x2, a batch norm; position by position."""
    height, width = image.shape[1:]
    coarse = [
        maximum(flat(image[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]), 1)
        for i in range(height // 2)
        for j in range(width // 2)
    ]
    keys = [affine("phi", features, parameters) for features in coarse]
    values = [affine("g", features, parameters) for features in coarse]
    result = np.empty_like(image)
    for i in range(height):
        for j in range(width):
            query = affine("theta", image[:, i, j], parameters)
            exponentials = [np.exp(query @ key / np.sqrt(len(query))) for key in keys]
            context = sum(e * v for e, v in zip(exponentials, values, strict=True))
            residual = affine("out", context / sum(exponentials), parameters)
            result[:, i, j] = image[:, i, j] + batch_norm("bn", residual, parameters)
    return result


def position_attention(image: Array, parameters: Parameters) -> Array:
    query, key, value = (
        affine(f"{name}_conv", flat(image), parameters)
        for name in ("query", "key", "value")
    )
    context = value @ softmax(query.T @ key, axis=1).T
    return parameters["gamma"] * context.reshape(image.shape) + image


def channel_attention(image: Array, parameters: Parameters) -> Array:
    """The less alike two channels are, the more they attend: softmax of -X X^T."""
    context = softmax(-flat(image) @ flat(image).T, axis=1) @ flat(image)
    return parameters["gamma"] * context.reshape(image.shape) + image


def dual_attention(image: Array, parameters: Parameters) -> Array:
    position = position_attention(image, part("sa.", parameters))
    return position + channel_attention(image, part("sc.", parameters))


def part(prefix: str, parameters: Parameters) -> Parameters:
    return {
        name.removeprefix(prefix): array
        for name, array in parameters.items()
        if name.startswith(prefix)
    }


def efficient_attention(image: Array, parameters: Parameters, heads: int) -> Array:
    contexts = [
        softmax(query, axis=0).T @ softmax(key, axis=1) @ value.T  # (N, value channels)
        for query, key, value in zip(
            *(
                np.split(affine(name, flat(image), parameters), heads)
                for name in ("queries", "keys", "values")
            ),
            strict=True,
        )
    ]
    context = np.concatenate([context.T for context in contexts])
    return affine("reprojection", context, parameters).reshape(image.shape) + image


def criss_cross(image: Array, parameters: Parameters, recurrence: int) -> Array:
    """Position by position, over the set of positions of its column and row."""
    height, width = image.shape[1:]
    for _ in range(recurrence):
        query, key, value = (
            affine(f"{name}_conv", flat(image), parameters).reshape(-1, height, width)
            for name in ("query", "key", "value")
        )
        result = np.empty_like(image)
        for i, j in np.ndindex(height, width):
            cross = {(k, j) for k in range(height)} | {(i, k) for k in range(width)}
            exponentials = {at: np.exp(query[:, i, j] @ key[:, *at]) for at in cross}
            context = sum(e * value[:, *at] for at, e in exponentials.items())
            context = context / sum(exponentials.values())
            result[:, i, j] = parameters["gamma"] * context + image[:, i, j]
        image = result
    return image


def coordinate(image: Array, parameters: Parameters) -> Array:
    """Each row and each column on its own."""

    def weights(pooled: Array, name: str) -> Array:
        hidden = batch_norm("bn1", affine("conv1", pooled, parameters), parameters)
        hidden = hidden * np.where(
            hidden.real > -3, np.where(hidden.real < 3, hidden + 3, 6), 0
        )
        return sigmoid(affine(name, hidden / 6, parameters))

    rows = [weights(row.mean(1), "conv_h") for row in np.moveaxis(image, 1, 0)]
    columns = [weights(column.mean(1), "conv_w") for column in np.moveaxis(image, 2, 0)]
    return image * np.stack(rows, 1)[:, :, None] * np.stack(columns, 1)[:, None, :]


def simam(image: Array, parameters: Parameters) -> Array:
    """One over each entry's minimal energy: Equation 5, with N - 1 for the variance."""
    result = np.empty_like(image)
    for channel, plane in enumerate(image):
        variance = ((plane - plane.mean()) ** 2).sum() / (plane.size - 1)
        distance = (plane - plane.mean()) ** 2
        energy = 4 * (variance + 1e-4) / (distance + 2 * variance + 2 * 1e-4)
        result[channel] = plane * sigmoid(1 / energy)
    return result


def triplet(image: Array, parameters: Parameters) -> Array:
    """The mean of three weighted images; the axes are those of the released code."""

    def weighted(axes: tuple[int, int, int], name: str) -> Array:
        turned = image.transpose(axes)
        planes = np.stack([maximum(turned, 0), turned.mean(0)])
        plane = convolution(planes, parameters[f"{name}.conv.conv.weight"])
        weights = sigmoid(batch_norm(f"{name}.conv.bn", plane, parameters))
        return (turned * weights).transpose(np.argsort(axes))

    branches = {"cw": (1, 0, 2), "hc": (2, 1, 0), "hw": (0, 1, 2)}
    first, second, third = (weighted(axes, name) for name, axes in branches.items())
    return (first + second + third) / 3


def psa_channel(image: Array, parameters: Parameters) -> Array:
    """Weights (C, 1, 1) of Figure 2's channel branch."""
    query = softmax(affine("ch_wq", flat(image), parameters), axis=1)  # (1, N)
    context = affine("ch_wv", flat(image), parameters) @ query[0]
    weights = layer_norm("ln", affine("ch_wz", context, parameters), parameters)
    return sigmoid(weights)[:, None, None]


def psa_spatial(image: Array, parameters: Parameters) -> Array:
    """Weights (1, H, W) of Figure 2's spatial branch."""
    query = softmax(affine("sp_wq", flat(image), parameters).mean(1), axis=0)
    weights = query @ affine("sp_wv", flat(image), parameters)
    return sigmoid(weights).reshape(1, *image.shape[1:])


def psa_parallel(image: Array, parameters: Parameters) -> Array:
    return image * psa_channel(image, parameters) + image * psa_spatial(image, parameters)


def psa_sequential(image: Array, parameters: Parameters) -> Array:
    image = image * psa_channel(image, parameters)
    return image * psa_spatial(image, parameters)


def released_context(image: Array, parameters: Parameters) -> Array:
    """The channel branch's attended sum (C/2,) in the authors' code."""
    query = softmax(affine("conv_q_right", flat(image), parameters), axis=1)
    context: Array = affine("conv_v_right", flat(image), parameters) @ query[0]
    return context


def psa_parallel_code(image: Array, parameters: Parameters) -> Array:
    """The spatial softmax runs over positions, after the product."""
    channel = affine("conv_up", released_context(image, parameters), parameters)
    query = affine("conv_q_left", flat(image), parameters).mean(1)
    spatial = softmax(query @ affine("conv_v_left", flat(image), parameters), axis=0)
    by_position = image * sigmoid(spatial).reshape(image.shape[1:])
    return image * sigmoid(channel)[:, None, None] + by_position


def psa_sequential_code(image: Array, parameters: Parameters) -> Array:
    """The spatial softmax runs over positions, on the value."""
    hidden = affine("conv_up.0", released_context(image, parameters), parameters)
    hidden = relu(layer_norm("conv_up.1", hidden, parameters))
    image = image * sigmoid(affine("conv_up.3", hidden, parameters))[:, None, None]
    query = affine("conv_q_left", flat(image), parameters).mean(1)
    spatial = query @ softmax(affine("conv_v_left", flat(image), parameters), axis=1)
    return image * sigmoid(spatial).reshape(image.shape[1:])


def note_channel(image: Array, parameters: Parameters) -> Array:
    planes = np.stack([image.mean(0), maximum(image, 0)])
    mask = sigmoid(convolution(planes, parameters["conv.weight"]))
    return image * (image * mask).sum((1, 2))[:, None, None]


def note_spatial(image: Array, parameters: Parameters) -> Array:
    hidden = relu(affine("fc1", image.mean((1, 2)), parameters))
    weights = affine("fc2", hidden, parameters)
    return image * np.tensordot(weights, image, axes=1)


FORMULAS: dict[str, Formula] = {
    "se_r16": squeeze_excitation,
    "se_r4": squeeze_excitation,
    "gc_r4": global_context,
    "gc_r16": global_context,
    "gc_r16_c64": global_context,
    "cbam_r16": cbam,
    "nl_embedded_gaussian": non_local,
    "non_local_code": non_local_code,
    "da_pam": position_attention,
    "da_cam": channel_attention,
    "da_sum": dual_attention,
    "ea_h1": partial(efficient_attention, heads=1),
    "ea_h2": partial(efficient_attention, heads=2),
    "criss_cross": partial(criss_cross, recurrence=2),
    "criss_cross_once": partial(criss_cross, recurrence=1),
    "coordinate": coordinate,
    "simam": simam,
    "triplet": triplet,
    "psa_fig2_channel_only": lambda x, parameters: x * psa_channel(x, parameters),
    "psa_fig2_spatial_only": lambda x, parameters: x * psa_spatial(x, parameters),
    "psa_fig2_parallel": psa_parallel,
    "psa_fig2_sequential": psa_sequential,
    "psa_p": psa_parallel_code,
    "psa_s": psa_sequential_code,
    "note_channel_attention_with_spatial": note_channel,
    "note_spatial_attention_with_channel_r16": note_spatial,
    "note_spatial_attention_with_channel_r4": note_spatial,
}

WEIGHTS: dict[str, Formula] = {  # files that also hold the attention weights
    "psa_fig2_channel_only": psa_channel,
    "psa_fig2_spatial_only": psa_spatial,
}
