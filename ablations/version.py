"""The version of this suite."""

from importlib import metadata

SUITE = "attention-ablations"


def version() -> str | None:
    """None for a checkout that is not installed."""
    try:
        return metadata.version(SUITE)
    except metadata.PackageNotFoundError:
        return None
