"""Time, memory and files of reports on studies of three sizes.

    python -m tests.report_scale --runs 1000 10000 50000 --settings 10 200

Prints a table in Markdown. CPU seconds are those of `ablate report` after its imports; peak
memory includes the imports, whose own peak has a column. The records are made up.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

from pandas import DataFrame

from tests import many_records

# Prints the seconds, and the peaks of imports and of all in KiB on Linux.
REPORT = """
import resource, sys, time
from pathlib import Path
from reports.report import write_report
from reports.terminal import show

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

imports, start = peak(), time.process_time()
report = write_report(Path(sys.argv[1]), Path(sys.argv[2]))
show(report.summary.parts[-1:], wide=False)
print(time.process_time() - start, imports, peak())
"""


def measured(folder: Path, runs: int, settings: int) -> dict[str, object]:
    """One row: in a process of its own, since its peak of memory is a process's."""
    study, out = folder / f"{runs}-{settings}", folder / f"{runs}-{settings}-report"
    if not study.exists():
        many_records.write(study, runs, settings)
    command = [sys.executable, "-c", REPORT, str(study), str(out)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, imports, peak = map(float, printed.splitlines()[-1].split())
    files = [file for file in out.iterdir() if file.is_file()]
    return {
        "Records": f"{runs:,}",
        "Settings": settings,
        "CPU (s)": f"{seconds:.1f}",
        "Peak (MB)": f"{peak / 1024:.0f}",
        "of imports (MB)": f"{imports / 1024:.0f}",
        "Files": len(files),
        "Largest page (MB)": f"{size_of_page(files) / 1e6:.2f}",
    }


def size_of_page(files: list[Path]) -> int:
    return max(file.stat().st_size for file in files if file.stem == "report")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--settings", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--folder", type=Path, help="keep records there (default: nowhere)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sizes = itertools.product(args.runs, args.settings)
        folder = args.folder or Path(temporary)
        rows = [measured(folder, runs, settings) for runs, settings in sizes]
    table = DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    sys.stdout.write(f"{table}\n")
