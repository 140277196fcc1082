"""Rewrites tests/golden/grids.json: the cells of each grid, from W&B's own engine.

The engine is the PyPI package sweeps 0.3.0. It needs numpy < 2 and so a separate
environment (Python 3.11), in which this file runs without the suite:

    python3.11 -m venv engine && engine/bin/pip install sweeps==0.3.0 numpy==1.26.4
    engine/bin/python tests/golden_grids.py

To add a grid, enter its name and parameters with `"cells": []` and run this file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"


def cells(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Finishes each run before it requests the next."""
    from sweeps import RunState, SweepRun, next_run  # type: ignore[attr-defined]

    config = {"method": "grid", "parameters": parameters}
    runs: list[Any] = []
    while (run := next_run(config, runs, validate=False)) is not None:
        yield values(run.config)
        runs.append(SweepRun(config=run.config, state=RunState.finished))


def values(config: dict[str, Any]) -> dict[str, Any]:
    """Unwraps the engine's values, in nested mappings too."""
    return {
        key: value["value"] if set(value) == {"value"} else values(value)
        for key, value in config.items()
    }


def text(content: dict[str, Any]) -> str:
    """One cell per line."""
    grids = ",\n".join(
        f'{{"name": {json.dumps(grid["name"])},\n'
        f' "parameters": {json.dumps(grid["parameters"])},\n'
        f' "cells": [\n'
        + ",\n".join(f"  {json.dumps(cell)}" for cell in grid["cells"])
        + "\n ]}"
        for grid in content["grids"]
    )
    return f'{{\n"how": {json.dumps(content["how"])},\n"grids": [\n{grids}\n]\n}}\n'


if __name__ == "__main__":
    path = FOLDER / "grids.json"
    content = json.loads(path.read_text())
    for grid in content["grids"]:
        grid["cells"] = list(cells(grid["parameters"]))
    path.write_text(text(content))
