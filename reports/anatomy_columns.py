"""The columns of the tables of anatomy."""

from reports.columns import BLOCK
from reports.page import WIDE, Column
from reports.units import (
    count,
    either,
    megabytes,
    millions,
    ratio,
    significant,
    three_digits,
    two_digits,
    whole_share,
)

TEXT = either(str)
FUNCTION = [
    BLOCK,
    Column("kind", "Does", TEXT, "left"),
    Column("share", "Reaches", whole_share, rank=1),
    Column("far_over_near", "Far/near", ratio, rank=5),
    Column("distinct", "distinct", count, group="Contexts", rank=2),
    Column("effective", "effective", ratio, group="Contexts", rank=6),
    Column("channels", "channels", count, group="Contexts", rank=WIDE),
    Column("permutation", "permutation", significant, group="Error", rank=3),
    Column("translation", "shift", significant, group="Error", rank=4),
    Column("flip", "flip", significant, group="Error", rank=7),
    Column("curvature", "Content", significant, rank=8),
    Column("channel_resolution", "Channels (paper)", TEXT, "left", rank=WIDE),
    Column("spatial_resolution", "Space (paper)", TEXT, "left", rank=WIDE),
    Column("nonlinearity", "Non-linearity (paper)", TEXT, "left", rank=WIDE),
]
START = [
    BLOCK,
    Column("scale_noise", "noise", two_digits, group="Scale"),
    Column("scale_smooth", "smooth", two_digits, group="Scale"),
    Column("largest", "largest", two_digits, group="Singular value"),
    Column("median", "median", two_digits, group="Singular value"),
    Column("smallest", "smallest", two_digits, group="Singular value"),
    Column("through_16", "x16", two_digits),
    Column("lowest_gate", "from", ratio, group="Gates"),
    Column("highest_gate", "to", ratio, group="Gates"),
    Column("saturated", "saturated", whole_share, group="Gates"),
]
COST = [
    BLOCK,
    Column("least_bytes", "Least bytes (MB)", megabytes),
    Column("macs_direct", "(M)", millions, group="MACs as published"),
    Column("direct", "MACs/byte", three_digits, group="MACs as published"),
    Column("macs_fast", "(M)", millions, group="as run"),
    Column("fast", "MACs/byte", three_digits, group="as run"),
    Column("complexity", "O(.) (paper)", TEXT, "left"),
]
