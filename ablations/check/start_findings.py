"""How far a network with blocks begins from the bare one: logits, features, gradients."""

import math
from collections.abc import Sequence

from torch import Tensor

from ablations.check.finding import Finding, Verdict
from ablations.check.gates import HIGH, LOW, Gate
from ablations.check.network_start import Start
from ablations.check.promises import relative_rms, rms

CHANGED = 0.1  # relative RMS of logits from which pretrained features no longer fit
SCALES = (0.4, 2.5)  # of features, within which later layers keep their working point
GRADIENTS = (0.2, 5.0)  # ratio to the bare network's, within which one rate suits both
SATURATED = 0.2  # share of the values of a gate
IDENTITY = "start from identity (init: identity)"


def logits_finding(start: Start, bare: Start) -> Finding:
    change = relative_rms(start.logits, bare.logits)
    return Finding(
        "logits",
        "ok" if change <= CHANGED else "note",
        logits_advice(change),
        {"change": change},
    )


def logits_advice(change: float) -> str:
    if change == 0:
        return "The network begins exactly as the bare one."
    if change <= CHANGED:
        return "The network begins close to the bare one."
    if not math.isfinite(change):
        return f"They are NaN or infinite: {IDENTITY}."
    return f"The network begins far from the bare one, pretrained or not: {IDENTITY}."


def feature_findings(start: Start, bare: Start) -> list[Finding]:
    """A row per feature of the encoder, except the image; empty features have none."""
    pairs = zip(start.features, bare.features, strict=True)
    return [
        scale_finding(f"scale of feature {index}", rms_ratio(*pair))
        for index, pair in enumerate(pairs)
        if index and pair[0].numel()
    ]


def scale_finding(subject: str, scale: float) -> Finding:
    low, high = SCALES
    values = {"scale": scale}
    if low <= scale <= high:
        return Finding(subject, "ok", "", values)
    change = "shrinks" if scale < low else "grows" if math.isfinite(scale) else "overflows"
    advice = f"It {change}, which later layers do not expect: {IDENTITY}."
    return Finding(subject, "note", advice, values)


def block_scale_finding(scales: Sequence[float]) -> Finding:
    """Output over input of each block: from the smallest to the largest."""
    low, high = SCALES
    usual = sorted(scales)[len(scales) // 2]
    kept = all(low <= scale <= high for scale in scales)
    return Finding(
        "scale over each block",
        "ok" if kept else "note",
        "" if kept else block_scale_advice(usual),
        {"smallest": min(scales), "largest": max(scales)},
    )


def block_scale_advice(usual: float) -> str:
    low, high = SCALES
    if not math.isfinite(usual):
        return f"What blocks pass on overflows: {IDENTITY}."
    if low <= usual <= high:
        return f"Some blocks change the scale of their input: {IDENTITY}."
    change = "shrink" if usual < low else "amplify"
    factor = f"{1 / max(usual, 1e-30):.2g}"
    return f"Blocks {change} their input: {IDENTITY}, or multiply their output by {factor}."


def stem_finding(start: Start, bare: Start, stem: str) -> Finding:
    """The norm of the gradient of the stem's weights, relative to the bare network's."""
    subject = "gradient at the stem"
    gradient, reference = start.gradients[stem], bare.gradients[stem]
    if gradient is None or reference is None:
        return Finding(subject, "note", "No gradient reaches the stem.", {})
    ratio = rms_ratio(gradient, reference)
    low, high = GRADIENTS
    verdict: Verdict = "ok" if low <= ratio <= high else "note"
    return Finding(subject, verdict, stem_advice(ratio), {"ratio": ratio})


def stem_advice(ratio: float) -> str:
    low, high = GRADIENTS
    if low <= ratio <= high:
        return ""
    if ratio > high:
        return "The first layers learn much faster: lower their learning rate."
    if 0 < ratio < low:
        return f"The first layers learn slowly: {IDENTITY}, or use fewer blocks."
    return "Zero or NaN reaches the first layers: they do not learn."


def gates_finding(gates: Sequence[Gate]) -> Finding:
    """The gate with most saturated values, and the range of all gates."""
    subject = "gates in (0, 1)"
    if not gates:
        return Finding(subject, "ok", "The block computes no sigmoid.", {})
    saturated = max(gate.saturated for gate in gates)
    values = {
        "saturated": saturated,
        "lowest": min(gate.lowest for gate in gates),
        "highest": max(gate.highest for gate in gates),
    }
    if saturated <= SATURATED:
        return Finding(subject, "ok", "", values)
    advice = (
        f"A gate begins below {LOW} or above {HIGH}, where a sigmoid hardly learns: "
        "normalise or scale down what it is computed from."
    )
    return Finding(subject, "note", advice, values)


def rms_ratio(tensor: Tensor, reference: Tensor) -> float:
    """One if both are zero."""
    above, below = rms(tensor), rms(reference)
    return 1.0 if above == below else above / max(below, 1e-30)
