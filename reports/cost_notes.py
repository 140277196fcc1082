"""Sentences about counts: the convention, and whether the counters agree."""

from ablations.complexity.audit import Audit
from ablations.complexity.conventions import Convention


def in_words(convention: Convention) -> str:
    """Which operations a table counts, and whose convention that is."""
    unit = "" if convention.kilo == 1000 else "; a G is 1024^3"
    return f"{convention.operation}s: {convention.label} ({convention.source}{unit})"


def agreement(audit: Audit) -> str:
    """A note for below a table."""
    counters = ["fvcore", "torch.utils.flop_counter"]
    counters += ["closed form"] if audit.formulas else []
    parts = [f"Counters: {', '.join(counters[:-1])} and {counters[-1]} agree on "]
    others = audit.unread + audit.alone + audit.missing + len(audit.unexplained)
    parts.append(f"{audit.counts - others} of {audit.counts} counts.")
    if audit.unread:
        parts.append(
            f" On {audit.unread}, torch counts more, by exactly the layers that run "
            "although nothing reads their output."
        )
    if audit.alone:
        parts.append(f" On {audit.alone}, torch's counter does not run.")
    if audit.missing:
        parts.append(
            f" {audit.missing} are not counted: they contain operators that no counter "
            "knows, or do not run under a counter."
        )
    if audit.unexplained:
        parts.append(" NOT EXPLAINED: " + "; ".join(audit.unexplained) + ".")
    return "".join(parts)
