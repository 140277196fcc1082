"""The version of this suite, and the commit of its code."""

import os
import subprocess
from importlib import metadata
from pathlib import Path

SUITE = "attention-ablations"


def version() -> str | None:
    """None for a checkout that is not installed."""
    try:
        return metadata.version(SUITE)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str:
    """The commit of this code, with -dirty if files were changed.

    If its files belong to no repository, the name and version of the suite. A repository
    around them, such as a user's project with a virtual environment, does not count.
    """
    here = Path(__file__)
    tracked = git("ls-files", "--error-unmatch", here.name)
    if tracked and (description := git("describe", "--always", "--dirty", "--abbrev=12")):
        return description
    return f"{SUITE} {number}" if (number := version()) else "unknown"


def git(*words: str) -> str:
    """What git prints in this folder; empty if it fails or is not installed."""
    environment = {key: value for key, value in os.environ.items() if key[:4] != "GIT_"}
    try:
        command = ["git", *words]
        result = subprocess.run(  # noqa: S603, fixed commands
            command,
            cwd=Path(__file__).parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
