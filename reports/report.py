"""One page about a folder of runs: tables, plot, failures, and how to read them."""

from collections.abc import Iterable
from pathlib import Path

from ablations.errors import InputError
from ablations.records import Failure, RunRecord, read_failures, read_records
from ablations.study import RunConfig, Study
from reports import plots
from reports.columns import BLOCK as BLOCK_COLUMN
from reports.columns import COMPARISON, Column, percent, text
from reports.render import markdown, write_table, write_text
from reports.tables import (
    block_comparison,
    class_iou,
    curves,
    runs_table,
    settings,
    with_baseline,
)

HOW_TO_READ = """\
Gain is the mean over seeds of a run's mIoU minus that of the baseline with the same seed,
in percentage points. Its 95 % interval is Student's t. p is that of the exact sign-flip
test, which with n pairs cannot be below 2 / 2^n: 0.25 at 3, 0.0625 at 5. The network, the
data and the schedule are the same in every row. MACs are multiply-adds of convolutions and
matrix products for one image, by fvcore. Large dots are means, small dots are seeds, bars
are one sample standard deviation.
"""


def write_report(runs: Path, out: Path, study: Study | None = None) -> str:
    """Write report.md, tables (.md, .csv, .tex) and plots (.svg, .png); return the summary.

    study states what runs there should be. Raises InputError for a folder without records,
    a record that is not whole, and an out folder that cannot be written.
    """
    records = list(read_records(runs))
    failures = list(read_failures(runs))
    if not records:
        reasons = "".join(f"\n  {f.config.run_id}: {f.reason}" for f in failures)
        raise InputError(f"{runs}: no record of a finished run{reasons}")
    sections = [f"# {runs.resolve().name}: attention blocks compared"]
    sections += coverage(records, failures, study)
    groups = settings(runs_table(records))
    for number, (setting, group) in enumerate(groups):
        name = "comparison" if len(groups) == 1 else f"comparison-{number + 1}"
        sections += section(
            setting,
            [r for r in records if r.config.run_id in set(group["run_id"])],
            out,
            name,
        )
    sections += ["## How to read this", HOW_TO_READ, "## Failed runs", failed(failures)]
    sections += ["## Where this ran", provenance(records)]
    page = "\n\n".join(part.strip() for part in sections) + "\n"
    write_text(out / "report.md", page)
    return f"{page}\n{out / 'report.md'}"


def section(
    setting: dict[str, object], records: list[RunRecord], out: Path, name: str
) -> list[str]:
    """Tables and plots of one setting."""
    paired, orphans = with_baseline(runs_table(records))
    parts = [f"## {describe(setting)}"]
    if len(orphans):
        parts.append(
            "**Without baseline of the same seed, so not in the table:** "
            + ", ".join(f"`{run_id}`" for run_id in orphans["run_id"])
        )
    if not len(paired):
        return parts
    kept = [record for record in records if record.config.run_id in set(paired["run_id"])]
    comparison = block_comparison(paired)
    plots.save(plots.miou_against_macs(comparison, paired), out, name)
    plots.save(plots.learning_curves(curves(kept)), out, f"{name}-curves")
    classes = class_iou(kept)
    columns = [BLOCK_COLUMN, *(Column(c, c, percent) for c in classes.columns[1:])]
    return [
        *parts,
        write_table(comparison, COMPARISON, out, name),
        f"![mIoU against added MACs]({name}.svg)",
        "IoU of each class (%), mean over seeds:",
        write_table(classes, columns, out, f"{name}-classes"),
        f"![validation mIoU over steps]({name}-curves.svg)",
    ]


def describe(setting: dict[str, object]) -> str:
    """A setting in one line: the four that name it, then what is not default."""
    named = ("dataset", "model", "encoder", "placement")
    usual = RunConfig().model_dump()
    others = [f"{k} {v}" for k, v in setting.items() if k not in named and v != usual[k]]
    return ", ".join([str(setting[key]) for key in named] + others)


def coverage(
    records: list[RunRecord], failures: list[Failure], study: Study | None
) -> list[str]:
    """How much of the study is here: the means of a part of a grid can be biased."""
    done = {record.config.run_id for record in records}
    counts = f"{len(records)} finished runs, {len(failures)} failed"
    if study is None:
        return [
            f"{counts}. How many were planned is not known here (`--sweep FILE` says it)."
        ]
    asked = [config.run_id for config in study.runs()]
    lacking = [run_id for run_id in asked if run_id not in done]
    line = (
        f"{counts}; {len(asked) - len(lacking)} of the {len(asked)} planned have a record."
    )
    if not lacking:
        return [line]
    listed = "".join(f"\n* `{run_id}`" for run_id in lacking)
    return [f"{line} **Not complete**, so means may be biased. Without record:{listed}"]


def failed(failures: list[Failure]) -> str:
    if not failures:
        return "None."
    import pandas as pd

    rows = [{"run": f.config.run_id, "kind": f.kind, "reason": f.reason} for f in failures]
    columns = [Column(name, name.capitalize(), text) for name in ("run", "kind", "reason")]
    return markdown(pd.DataFrame(rows), columns)


def provenance(records: list[RunRecord]) -> str:
    """Devices, versions, commits and data; several of one kind are pointed out."""
    kinds: dict[str, Iterable[str]] = {
        "Device": {record.device for record in records},
        "Versions": {", ".join(f"{k} {v}" for k, v in r.versions.items()) for r in records},
        "Commit": {record.commit for record in records},
        "Data": {record.data for record in records},
    }
    lines = []
    for kind, values in kinds.items():
        values = sorted(values)
        several = " **(differs between runs)**" if len(values) > 1 else ""
        lines.append(f"* {kind}{several}: {'; '.join(values)}")
    return "\n".join(lines)
