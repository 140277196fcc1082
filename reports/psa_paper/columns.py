"""The columns of the reproduction's tables; headers mark the paper's own figures."""

from pandas import DataFrame

from ablations.complexity.conventions import Convention
from reports.columns import BLOCK, EVALUATION
from reports.page import Align, Column
from reports.psa_paper.tables import VERDICTS
from reports.units import count, in_giga, millions, scaled, share


def exponent(value: float) -> str:
    return f"{abs(value):.2f}"  # negative only by rounding


def words(name: str, header: str, align: Align = "left") -> Column:
    return Column(name, header, str, align)


ROW = words("row", "Row")
NETWORK = words("network", "Network")
SIZE = words("size", "Input")

CELLS = [
    ROW,
    NETWORK,
    SIZE,
    words("metric", "What"),
    words("printed", "Paper"),
    Column("ours", "Ours", scaled(1, 3)),
    Column("deviation", "Deviation", share),
    words("verdict", "Verdict")._replace(tip="reason"),
    words("reason", "Reason", "paragraph"),
]
CLAIMED_GROWTH = [
    BLOCK,
    words("channel_resolution", "Channels (paper)"),
    words("spatial_resolution", "Space (paper)"),
    words("nonlinearity", "Non-linearity (paper)"),
    words("complexity", "O(.) (paper)"),
    EVALUATION,
    Column("growth_positions", "with HW to the", exponent, group="Grows"),
    Column("growth_channels", "with C to the", exponent, group="Grows"),
    words("terms", "MACs, exactly"),
    Column("exceeds", "beyond the printed O(.)", lambda terms: terms or "nothing", "left"),
]
BRIEF = {
    "exact to the printed digit": "Exact",
    "copied from a README": "Copied",
    "undetermined": "Open",
}
VERDICT_COUNTS = [
    words("table", "Table"),
    Column("cells", "Cells", count),
    *(
        Column(
            verdict, verdict[0].upper() + verdict[1:], count, brief=BRIEF.get(verdict, "")
        )
        for verdict in VERDICTS
    ),
]


def accuracy_columns(table: DataFrame) -> list[Column]:
    metrics = [name for name in table.columns if name not in {"row", "network", "size"}]
    return [ROW, NETWORK, SIZE, *(words(metric, f"{metric} (paper)") for metric in metrics)]


def smp_columns(convention: Convention) -> list[Column]:
    operations, show = f"{convention.operation}s (G), smp", in_giga(convention)
    return [
        words("encoder", "Encoder"),
        BLOCK,
        Column("params", "Params (M), smp", millions),
        Column("paper_params", "Table 3's", millions),
        Column("operations", operations, show),
        Column("paper_operations", "Table 3's", show),
    ]
