"""What a check found: a row of its table."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Verdict = Literal["ok", "note", "broken"]


class Finding(NamedTuple):
    """The answer to one question about a network with blocks."""

    subject: str
    verdict: Verdict  # broken: the block breaks what every block promises
    advice: str  # one sentence
    values: Mapping[str, float | str]  # by name, in base units; a text says why not


def any_broken(findings: Iterable[Finding]) -> bool:
    return any(finding.verdict == "broken" for finding in findings)
