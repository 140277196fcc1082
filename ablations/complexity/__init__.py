"""What a block or a model costs at any resolution: parameters and operations."""

from ablations.complexity.cost import Cost
from ablations.complexity.counters import measure, meta_macs

__all__ = ["Cost", "measure", "meta_macs"]
