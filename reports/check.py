"""The check of a block in a network, as a table."""

from collections.abc import Iterable

from pandas import DataFrame

from ablations.blocks import label_of
from ablations.check.finding import Finding
from ablations.models import Network
from reports.page import Column, Show, Table
from reports.units import count, either, ratio, share, significant, whole_share

VALUES: dict[str, Show] = {  # by their names in findings
    "difference": significant,
    "loaded": count,
    "missing": count,
    "change": whole_share,
    "scale": ratio,
    "smallest": ratio,
    "largest": ratio,
    "ratio": ratio,
    "saturated": whole_share,
    "lowest": ratio,
    "highest": ratio,
    "tensors": count,
    "params": share,
    "MACs": share,
}
CHECK = [
    Column("subject", "Check", str, "left"),
    Column("verdict", "Verdict", str, "left"),
    Column("figures", "Figures", either(str), "paragraph"),
    Column("advice", "Advice", str, "paragraph"),
]


def check_table(network: Network, findings: Iterable[Finding]) -> Table:
    numbers = DataFrame(
        [
            {
                "subject": finding.subject,
                "verdict": finding.verdict,
                "figures": figures(finding) or None,
                "advice": finding.advice,
            }
            for finding in findings
        ]
    )
    return Table(numbers, CHECK, "check", caption(network))


def figures(finding: Finding) -> str:
    """The values with their names, as in: lowest 0.31, highest 0.69."""
    return ", ".join(
        f"{name} {VALUES[name](value)}" for name, value in finding.values.items()
    )


def caption(network: Network) -> str:
    bare, weights, block, placement, (height, width) = network
    start = f"{weights} weights" if weights else "random weights"
    return (
        f"{label_of(block)} at {placement} in {bare.model} with {bare.encoder} ({start}), "
        f"images of {height}x{width}"
    )
