"""Where modules are found: a user's files hide no others."""

import sys
from importlib.util import find_spec
from pathlib import Path

from ablations.errors import InputError

OURS = ["ablations", "lightning_modules", "reports", "sweeps"]
SUITE = Path(__file__).resolve().parents[1]


def look_here_last() -> None:
    """Find modules in the working folder, but only those that are found nowhere else."""
    here = Path.cwd()
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != here]
    suite = [] if str(SUITE) in elsewhere else [str(SUITE)]
    sys.path[:] = [*suite, *elsewhere, str(here)]


def check_suite() -> None:
    """Raises InputError if something on PYTHONPATH has the name of one of our packages."""
    for name in OURS:
        spec = find_spec(name)
        origin = spec.origin if spec else None
        if origin is None or SUITE / name not in Path(origin).resolve().parents:
            raise InputError(
                f"{origin or name} hides this suite's package {name}; rename it"
            )


def check_visible(module: str) -> None:
    """Raises InputError for a module of the working folder that another one hides."""
    top = module.partition(".")[0]
    own = [path for path in (Path(f"{top}.py"), Path(top)) if top.isidentifier()]
    own = [path for path in own if path.exists()]
    spec = find_spec(top) if own and top != "__main__" else None
    if spec is None or (spec.origin is None and not spec.has_location):
        return  # found nowhere else
    if not spec.has_location:
        raise InputError(f"{module}: ./{own[0]} is hidden by Python's own {top}; rename it")
    if Path.cwd() not in Path(str(spec.origin)).resolve().parents:
        raise InputError(f"{module}: ./{own[0]} is hidden by {spec.origin}; rename it")
