"""The columns of the reproduction's tables; what is the paper's says so."""

from pandas import DataFrame

from ablations.complexity.conventions import Convention
from reports.columns import (
    BLOCK,
    EVALUATION,
    Column,
    count,
    in_giga,
    millions,
    prose,
    scaled,
    share,
    text,
)
from reports.psa_paper.tables import VERDICTS


def exponent(value: float) -> str:
    return f"{abs(value):.2f}"  # never below zero but by rounding


ROW = Column("row", "Row", text)
NETWORK = Column("network", "Network", text)
SIZE = Column("size", "Input", text)

JUDGED = [
    ROW,
    NETWORK,
    SIZE,
    Column("metric", "What", text),
    Column("printed", "Paper", text),
    Column("ours", "Ours", scaled(1, 3)),
    Column("deviation", "Deviation", share),
    Column("verdict", "Verdict", text),
    Column("reason", "Reason", prose),
]
GROWTH = [
    BLOCK,
    Column("channel_resolution", "Channels (paper)", text),
    Column("spatial_resolution", "Space (paper)", text),
    Column("nonlinearity", "Non-linearity (paper)", text),
    Column("complexity", "O(.) (paper)", text),
    EVALUATION,
    Column("growth_positions", "Grows with HW to the", exponent),
    Column("growth_channels", "with C to the", exponent),
    Column("terms", "MACs, exactly", text),
    Column("exceeds", "beyond the printed O(.)", lambda value: value or "nothing"),
]
VERDICT_COUNTS = [
    Column("table", "Table", text),
    Column("cells", "Cells", count),
    *(Column(verdict, verdict[0].upper() + verdict[1:], count) for verdict in VERDICTS),
]


def accuracy_columns(table: DataFrame) -> list[Column]:
    metrics = [name for name in table.columns if name not in {"row", "network", "size"}]
    return [ROW, NETWORK, SIZE, *(Column(m, f"{m} (paper)", text) for m in metrics)]


def smp_columns(convention: Convention) -> list[Column]:
    show = in_giga(convention)
    return [
        Column("encoder", "Encoder", text),
        BLOCK,
        Column("params", "Params (M), smp", millions),
        Column("paper_params", "Table 3's", millions),
        Column("operations", f"{convention.operation}s (G), smp", show),
        Column("paper_operations", "Table 3's ", show),
    ]
