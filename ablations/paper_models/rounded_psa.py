"""The released PSA at widths that it rounds down, such as the 21 logits of Pascal VOC.

Elsewhere in this suite such a width is an error.
"""

from ablations.attention.polarized_code import (
    ReleasedParallelPSA,
    ReleasedPSA,
    ReleasedSequentialPSA,
)


class RoundsDown(ReleasedPSA):
    def reduce(self, ratio: int) -> int:
        return self.channels // ratio


class RoundedParallelPSA(RoundsDown, ReleasedParallelPSA):
    pass


class RoundedSequentialPSA(RoundsDown, ReleasedSequentialPSA):
    pass
