"""What a probe asks: information that a pixel cannot know from its surroundings.

In such a data set the class of a digit is its shape, which is in plain sight, and its
state, which something far away decides.
"""

from typing import NamedTuple

from torch import Tensor

GUESS = 1 / 3  # IoU of two classes of equal size that a coin tells apart


class Probe(NamedTuple):
    """The states of each digit, and what a network attains with and without them.

    A ceiling is the mean IoU of the classes in `states`, in [0, 1], of a network that
    recognises the shape of every digit. Without information the best it can do is a coin
    for each digit: half of a class is found and half of the other class is taken for it,
    so the IoU is 1/2 / (1 + 1/2). Always the same state gives 1/2 and 0, which is less.
    """

    states: tuple[tuple[int, int], ...]  # of each shape, its class in state 0 and state 1
    pooled_information: float  # of a network that can but count the signs of a scene
    ceiling_without: float = GUESS
    ceiling_with: float = 1.0

    def information(self, confusion: Tensor) -> float:
        """2 x accuracy of the state - 1: 1 for every state, 0 for any guess, -1 for none.

        confusion[i, j] counts pixels of class i that were predicted as class j. Only pixels
        whose shape is right count, so how well shapes are recognised has no influence. 0 if
        there is no such pixel.
        """
        right = wrong = 0
        for first, second in self.states:
            right += int(confusion[first, first] + confusion[second, second])
            wrong += int(confusion[first, second] + confusion[second, first])
        return (right - wrong) / max(1, right + wrong)
