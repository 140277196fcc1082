"""Published recipes: each is a source and the values that it gives to keys of a run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ablations.errors import InputError, quoted, unknown_name


class Protocol(NamedTuple):
    """What a paper or a code base does on its data set."""

    meaning: str
    source: str
    dataset: str  # a run with another one does not follow the protocol
    values: Mapping[str, Any]  # by key of RunConfig


PROTOCOLS: dict[str, Protocol] = {}


def with_protocol(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and the protocol's for keys that are not among them.

    InputError for an unknown protocol, and for a data set that is not the protocol's.
    """
    name = values["protocol"]
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    protocol = PROTOCOLS[name]
    dataset = values.get("dataset", protocol.dataset)
    if dataset != protocol.dataset:
        raise InputError(
            f"protocol {quoted(name)} is about {protocol.dataset}, but dataset = "
            f"{quoted(dataset)}; leave one of the two out"
        )
    return {**protocol.values, "dataset": protocol.dataset, **values}
