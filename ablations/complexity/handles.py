"""How fvcore counts an operator of a trace: (inputs, outputs) -> counts by name.

fvcore's own handles are replaced if they are wrong or missing. A handle that cannot count
an operator returns a name that begins with NOT_COUNTED, so that no count is silently zero.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from ablations.complexity.harmless import is_harmless

# What counts as multiply-adds: convolutions and matrix products, by fvcore's names.
# fvcore's norms, pooling and interpolation are real work, but outside that convention.
PRODUCTS = {
    "conv", "deform_conv", "linear", "matmul", "addmm", "einsum", "sdpa", "recurrent"
}  # fmt: skip

NOT_COUNTED = "not counted: "

Handle = Callable[[list[Any], list[Any]], Counter[str]]


def shape_of(value: Any) -> list[int]:
    sizes: list[int] | None = value.type().sizes()
    if sizes is None:
        raise ValueError("the trace does not state the shape of a factor")
    return sizes


def unknown(operator: str) -> Counter[str]:
    return Counter({NOT_COUNTED + operator: 1})


def matrix_product(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """fvcore's own handle loses the batch if the left factor is broadcast."""
    inner = shape_of(inputs[0])[-1]
    return Counter({"matmul": prod(shape_of(outputs[0])) * inner})


def added_product(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """The second input times the third, for each pair in a batch."""
    left, right = shape_of(inputs[1]), shape_of(inputs[2])
    return Counter({"addmm": prod(left) * right[-1]})


def linear(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"linear": prod(shape_of(outputs[0])) * shape_of(inputs[1])[-1]})


def convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """One filter makes every output; if transposed, one filter spreads every input."""
    transposed = len(inputs) > 7 and inputs[6].toIValue()
    return Counter({"conv": filtered(inputs[0] if transposed else outputs[0], inputs[1])})


def hollow_convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Counts like the ordinary convolution that it replaces (hollow.py)."""
    transposed = inputs[8].toIValue()
    return Counter({"conv": filtered(inputs[0] if transposed else outputs[0], inputs[1])})


def deformable_convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Counts like an ordinary one: its input is sampled by interpolation."""
    return Counter({"deform_conv": filtered(outputs[0], inputs[1])})


def filtered(places: Any, weight: Any) -> int:
    filters, *filter_sides = shape_of(weight)
    return prod(shape_of(places)) * prod(filter_sides) if filters else 0


def attention_product(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """query (..., L, E) with key (..., S, E), then their map with value (..., S, V)."""
    query, key = shape_of(inputs[0]), shape_of(inputs[1])
    output = shape_of(outputs[0])
    scores = prod(output[:-1]) * key[-2]
    return Counter({"sdpa": scores * (query[-1] + output[-1])})


def recurrent(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Every weight matrix of every layer meets every step of every sequence once."""
    steps = prod(shape_of(inputs[0])[:-1])
    lists = [value.node() for value in inputs if value.node().kind() == LIST]
    weights = [shape_of(weight) for node in lists for weight in node.inputs()]
    return Counter({"recurrent": steps * sum(prod(w) for w in weights if len(w) == 2)})


def recurrent_cell(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """The inputs are x, the state or states, two weight matrices, and biases."""
    rows = prod(shape_of(inputs[0])[:-1])
    weights = [shape_of(value) for value in inputs[2:4]]
    return Counter({"recurrent": rows * sum(map(prod, weights))})


LIST = "prim::ListConstruct"


def einsum(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Contract factors in torch's order; fvcore's own handle is an estimate."""
    shapes = [shape_of(value) for value in inputs[1].node().inputs()]
    order = inputs[2].toIValue() if len(inputs) > 2 else None
    factors, result = dimensions(inputs[0].toIValue(), shapes)
    path = list(order or [])
    macs = 0
    while len(factors) > 1:
        places = sorted((path.pop(0), path.pop(0))) if path else (0, 1)
        right, left = factors.pop(places[1]), factors.pop(places[0])
        rest = {*result, *(name for factor in factors for name in factor)}
        size = left | {name: max(side, left.get(name, 1)) for name, side in right.items()}
        summed = left.keys() & right.keys() - rest
        if summed:  # otherwise torch multiplies element by element
            macs += prod(size[name] for name in summed | size.keys() & rest)
        factors.append({name: side for name, side in size.items() if name in rest})
    return Counter({"einsum": macs})


def dimensions(equation: str, shapes: list[list[int]]) -> tuple[list[dict[str, int]], str]:
    """The side of each letter of each factor, and the letters of the result.

    The dimensions behind an ellipsis are called 0, 1, ... from the right.
    """
    sides, arrow, result = equation.replace(" ", "").partition("->")
    factors = []
    for letters, shape in zip(sides.split(","), shapes, strict=True):
        hidden = len(shape) - len(letters.replace("...", ""))
        names = letters.replace("...", "".join(map(str, reversed(range(hidden)))))
        factors.append(dict(zip(names, shape, strict=True)))
    if not arrow:
        result = "".join(name for name in sides if sides.count(name) == 1) + "..."
    return factors, result.replace("...", "0123456789")


def control_flow(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Scripted code: a trace does not say which branch runs, or how often."""
    kinds = set(nested(outputs[0].node())) if outputs else {"prim::Loop"}
    hidden = [kind for kind in kinds if not is_harmless(kind)]
    return Counter({NOT_COUNTED + kind: 1 for kind in hidden})


def nested(node: Any) -> Iterator[str]:
    for block in node.blocks():
        for inner in block.nodes():
            if inner.kind() in CONTROL_FLOW:
                yield from nested(inner)
            elif not inner.kind().startswith("prim::") or inner.kind() in CALLS:
                yield inner.kind()


CONTROL_FLOW = {"prim::If", "prim::Loop"}
CALLS = {
    "prim::CallFunction", "prim::CallMethod", "prim::fork", "prim::FusionGroup",
    "prim::DifferentiableGraph", "prim::TensorExprGroup", "prim::PythonOp",
}  # fmt: skip


def call(name: str) -> Handle:
    return lambda inputs, outputs: unknown(name)


def real(name: str, handle: Handle) -> Handle:
    """Leaves complex products uncounted: one is four real multiply-adds, or three."""

    def check_and_count(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        dtype = (
            outputs[0].type().dtype() if outputs[0].type().kind() == "TensorType" else None
        )
        if dtype is not None and dtype.is_complex:
            return unknown(f"{name} of complex numbers")
        return handle(inputs, outputs)

    return check_and_count


OF_PRODUCTS: dict[str, Handle] = {
    "aten::mm": matrix_product,
    "aten::bmm": matrix_product,
    "aten::matmul": matrix_product,
    "aten::linear": linear,
    "aten::addmm": added_product,
    "aten::addbmm": added_product,
    "aten::baddbmm": added_product,
    "aten::einsum": einsum,
    "aten::_convolution": convolution,
    "aten::convolution": convolution,
    "aten::_convolution_mode": convolution,
    "ablate::convolution": hollow_convolution,
    "torchvision::deform_conv2d": deformable_convolution,
    "aten::scaled_dot_product_attention": attention_product,
    "aten::rnn_tanh": recurrent,
    "aten::rnn_relu": recurrent,
    "aten::gru": recurrent,
    "aten::lstm": recurrent,
    "aten::rnn_tanh_cell": recurrent_cell,
    "aten::rnn_relu_cell": recurrent_cell,
    "aten::gru_cell": recurrent_cell,
    "aten::lstm_cell": recurrent_cell,
}

HANDLES: dict[str, Handle] = {
    **{name: real(name, handle) for name, handle in OF_PRODUCTS.items()},
    **dict.fromkeys(CONTROL_FLOW, control_flow),
    **{name: call(name) for name in CALLS - {"prim::PythonOp"}},
}
