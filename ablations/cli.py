"""The front door: `ablate VERB`. Heavy imports happen inside the verb that needs them."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ablations import options
from ablations.errors import InputError, printable
from ablations.search_path import check_suite, look_here_last

if TYPE_CHECKING:
    import torch

    from ablations.attention.base import Evaluation
    from lightning_modules.train import Execution
    from sweeps.study.study import PlannedRun, Study


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. Mistakes in what was given end with one message and exit code 2."""
    look_here_last()
    given = create_parser().parse_args(arguments)
    try:
        check_suite()
        code: int = given.run(given) or 0
    except InputError as error:
        print(f"ablate: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `ablate ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("ablate: interrupted", file=sys.stderr)
        return 130
    return code


class Parser(argparse.ArgumentParser):
    """Messages are one line that does nothing to a terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def create_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ablate",
        description="Ablation and benchmark suite for attention blocks in segmentation.",
        epilog="`ablate VERB --help` shows the options and examples of a verb. Exit codes: "
        "0; 1 if runs failed or are missing; 2 if something given is wrong, or if files "
        "cannot be written (tables are printed before); 130 after Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    parser.set_defaults(run=lambda _: without_verb(parser))
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for name, (run, add_options, examples) in VERBS.items():
        summary = (run.__doc__ or "").strip()
        verb = verbs.add_parser(
            name,
            help=summary.splitlines()[0],
            description=summary,
            epilog="examples:\n" + "\n".join(f"  ablate {line}" for line in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_options(verb)
        verb.set_defaults(run=run)
    return parser


def without_verb(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def version() -> str:
    from importlib import metadata

    try:
        return metadata.version("attention-ablations")
    except metadata.PackageNotFoundError:
        return "of a folder that is not installed"


# Verbs, in the order of a user's path.


def list_names(given: argparse.Namespace) -> None:
    """List the known blocks, placements, models, encoders and data sets."""
    from ablations import catalogue

    if given.kind == "encoders":
        from segmentation_models_pytorch.encoders import get_encoder_names

        print(*get_encoder_names(), *OTHER_ENCODERS, sep="\n")
        return
    kinds = {
        "blocks": catalogue.blocks,
        "placements": catalogue.placements,
        "models": catalogue.models,
        "datasets": catalogue.datasets,
    }
    for kind in [given.kind] if given.kind else kinds:
        print(f"{kind}:")
        names = kinds[kind]()
        for name, meaning in names.items():
            print(f"  {name:{max(map(len, names))}}  {meaning}")
    if not given.kind:
        print("encoders:", *ENCODERS_IN_SHORT, sep="\n  ")


OTHER_ENCODERS = [
    "tu-NAME: models of timm (python -c 'import timm; print(timm.list_models())')"
]
ENCODERS_IN_SHORT = [
    "smp's, such as resnet18, efficientnet-b0, mit_b0 (all: `ablate list encoders`)",
    "timm's, as tu-NAME, such as tu-convnext_tiny",
]


def show_data(given: argparse.Namespace) -> None:
    """Write a contact sheet of a data set: images, and masks laid over them."""
    from lightning_modules.data import show_data

    path = show_data(
        given.dataset,
        given.out or Path(f"{given.dataset}-{given.split}.png"),
        given.size,
        given.split,
        given.count,
        given.data_folder,
    )
    print(path)


def where(given: argparse.Namespace) -> None:
    """Show where blocks land in a model, and what each landing costs."""
    from ablations.complexity.costs import landing_costs
    from ablations.complexity.model_cost import Setting
    from ablations.threads import on_threads
    from reports.columns import WHERE
    from reports.sheets import Sheet
    from reports.terminal import show

    setting = Setting(given.model, given.encoder, given.placement, 2, given.size)
    with on_threads(1):
        table = landing_costs(given.block, setting, given.evaluation)
    show([Sheet("where", table, WHERE)], given.wide)


def cost(given: argparse.Namespace) -> None:
    """Parameters and multiply-adds of blocks, alone or in a model, at any resolution."""
    from ablations.attention import BLOCKS
    from ablations.complexity.conventions import find_convention
    from ablations.complexity.model_cost import Setting
    from ablations.models import SMP_MODELS
    from ablations.threads import on_threads
    from reports.cost import blocks_sheets, model_sheets, survey_lines, survey_sheet
    from reports.sheets import keep
    from reports.terminal import progress, show

    names = given.block or list(BLOCKS)
    convention = find_convention(given.convention)
    settings = [
        Setting(model, encoder, given.placement, given.classes, given.size)
        for encoder in given.encoder or (ENCODERS if given.all else ENCODERS[:1])
        for model in (SMP_MODELS if given.all else [given.model])
    ]
    with on_threads(1):
        if len(settings) > 1:
            shown = progress(settings, "cost", len(settings))
            sheets = [survey_sheet(names, shown, convention)]
        elif given.model:
            sheets = model_sheets(names, settings[0], convention)
        else:
            sheets = blocks_sheets(names, given.channels, given.size, convention)
    if len(settings) > 1:
        print(*survey_lines(sheets[0]), sep="\n")
    else:
        show(sheets, given.wide)
    print("written:", *keep(sheets, given.out), sep="\n  ")


ENCODERS = ["resnet50", "mobilenet_v2", "efficientnet-b0"]  # of cost --all


def reproduce(given: argparse.Namespace) -> None:
    """Count a paper's complexity tables anew, beside what it prints, with reasons."""
    from ablations.complexity.conventions import find_convention
    from ablations.threads import on_threads
    from reports.psa_paper.pages import PARTS, count_parts, summary_sheet, write_page
    from reports.terminal import progress, show

    convention = find_convention(given.convention) if given.convention else None
    with on_threads(1):
        parts = list(progress(count_parts(convention), "tables", PARTS))
    show([summary_sheet(parts)], given.wide)
    print("written:", write_page(parts, given.out), "(every cell with its reason)")


def bench(given: argparse.Namespace) -> None:
    """Time and memory of blocks, direct against fast, on this device."""
    from ablations.benchmark.bench import Case, as_table, bench, find_device
    from reports import plots
    from reports.columns import BENCH, BENCH_COMPILED
    from reports.sheets import Sheet, keep
    from reports.short_columns import BENCH as SHORT
    from reports.terminal import progress, show

    device = find_device(given.device)
    cases = [
        Case(block, shape, dtype)
        for block in given.block or ["psa_parallel", "psa_sequential"]
        for shape in given.shape or [(1, 512, 64, 64), (4, 256, 64, 64), (8, 64, 128, 128)]
        for dtype in given.dtype or ["float32"]
    ]
    rows = bench(cases, device, given.threads, given.rounds, given.compiled)
    table = as_table(list(progress(rows, "bench", len(cases))))
    more = BENCH_COMPILED if given.compiled else []
    short = [*SHORT[:3], *more, *SHORT[3:]]
    sheets = [Sheet(given.name, table, [*BENCH, *more], short=short)]
    print_machine(given, device)
    show(sheets, given.wide)
    files = keep(sheets, given.out)
    plots.save(plots.direct_against_fast(table), given.out, given.name)
    print("written:", *files, f"{given.out / given.name}.svg, .png", sep="\n  ")


def bench_model(given: argparse.Namespace) -> None:
    """Time and memory of a training step of a whole model: bare, direct, fast."""
    from pandas import DataFrame

    from ablations.benchmark.bench import MODEL_ROWS, bench_model, find_device
    from ablations.models import check_network, create_model
    from reports.columns import BENCH_MODEL
    from reports.sheets import Sheet, keep
    from reports.terminal import progress, show

    names = (given.model, given.encoder, None, given.block, given.placement)
    check_network(*names, "direct", 21, given.size)
    device = find_device(given.device)

    def network(block: str, evaluation: "Evaluation") -> "torch.nn.Module":
        return create_model(
            given.model, given.encoder, 21, block, given.placement, evaluation
        )

    shape = (given.batch_size, 3, *given.size)
    rows = bench_model(given.block, network, shape, device, given.threads, given.rounds)
    table = DataFrame(list(progress(rows, "bench-model", MODEL_ROWS)))
    sheets = [Sheet(given.name, table, BENCH_MODEL)]
    print_machine(given, device)
    show(sheets, given.wide)
    print("written:", *keep(sheets, given.out), sep="\n  ")


def print_machine(given: argparse.Namespace, device: "torch.device") -> None:
    import torch

    from ablations.benchmark.bench import device_name

    print(f"{device_name(device)}, {given.threads} thread(s), torch {torch.__version__}")


def train(given: argparse.Namespace) -> int:
    """Train one network and write its record."""
    config = options.run_config(given)
    from lightning_modules.interrupts import Interrupted
    from lightning_modules.train import BusyError, check_names, train

    check_names([config])
    try:
        record = train(config, given.runs / given.study, execution(given))
    except BusyError as error:
        raise InputError(str(error)) from None
    except Interrupted as stop:
        print(f"ablate: {stop}", file=sys.stderr)
        return stop.exit_code
    print(f"mIoU {100 * record.miou:.2f} %  {given.runs / given.study / config.run_id}")
    return 0


def sweep(given: argparse.Namespace) -> int:
    """Run every cell of a sweep file that has no record yet."""
    from sweeps.study.sweep_file import load_study

    study = load_study(given.file, given.count)
    given = decided(given, study)
    runs = list(study.runs())
    options.settle_executor(given)
    if given.check or given.dry_run:
        return check(given, study, runs)
    from rich.console import Console

    from lightning_modules.train import check_names
    from sweeps.display import Display

    check_names([run.config for run in runs])
    launch, display = study.launch(given.runs / study.name), Display(Console())
    if given.executor == "here":
        from sweeps.local.resources import Crew, check_gpus
        from sweeps.local.runner import Runner

        check_gpus(given.gpus)
        crew = Crew(
            jobs=given.jobs or 1,
            gpus=given.gpus,
            runs_per_gpu=given.runs_per_gpu,
            retries=given.retries,
            timeout=given.timeout,
        )
        summary = Runner(runs, launch, execution(given), crew, display).run()
    else:
        from sweeps.slurm.cluster import Cluster
        from sweeps.slurm.scheduler import Allocation

        allocation = Allocation(
            cluster=given.executor,
            partition=given.partition,
            gpus=given.gpus_per_run,
            cpus=given.cpus_per_run,
            minutes=given.minutes,
            at_a_time=given.jobs or Allocation.at_a_time,
            sbatch=dict(given.sbatch),
        )
        cluster = Cluster(
            runs, launch, execution(given), allocation, given.retries, display
        )
        summary = cluster.run()
    print(
        f"{study.name}: {summary.finished} finished, {summary.recorded} had a record, "
        f"{len(summary.failed)} failed, {summary.waiting} waiting"
        + (f"; {summary.repeated} further attempts" if summary.repeated else "")
    )
    for run_id, reason in summary.failed.items():
        print(f"failed: {run_id}: {reason}")
    return 0 if summary.complete else 1


def decided(given: argparse.Namespace, study: "Study") -> argparse.Namespace:
    """What is given here overrides the command of the sweep file, that the defaults."""
    known = options.execution_defaults() | study.options | vars(given)
    return argparse.Namespace(**known)


def check(given: argparse.Namespace, study: "Study", runs: "list[PlannedRun]") -> int:
    """Look for what would keep a run from beginning; then say so, or list the runs."""
    from sweeps.study.check import check_runs

    found = check_runs(study, runs, execution(given), given.executor == "here")
    if given.dry_run:
        return dry_run(runs, given.runs / study.name)
    print(*found, sep="\n")
    return 0


def dry_run(runs: "list[PlannedRun]", study_folder: Path) -> int:
    """List the cells of a sweep file and what is known of each."""
    from collections import Counter

    from sweeps.study.coverage import state, swept_keys

    configs = [run.config for run in runs]
    states = [state(config, study_folder) for config in configs]
    swept = swept_keys(configs)
    for config, known in zip(configs, states, strict=True):
        values = "  ".join(f"{key}={getattr(config, key)}" for key in swept)
        print(f"{known:8}  {config.run_id}  {values}")
    counts = Counter(states)
    print(f"{len(runs)} runs:", ", ".join(f"{counts[known]} {known}" for known in counts))
    return 0


def missing(given: argparse.Namespace) -> int:
    """Write the cells of a sweep file that have no record as a sweep file."""
    from sweeps.study.coverage import missing, write_missing
    from sweeps.study.sweep_file import load_study

    study = load_study(given.file, given.count)
    runs = missing(study, decided(given, study).runs / study.name)
    if not runs:
        print(f"{study.name}: every run has a record")
        return 0
    out = given.out or Path(f"{study.name}-missing.yaml")
    write_missing(given.file, study, runs, out)
    print(f"{study.name}: {len(runs)} runs without a record, listed in {out}")
    return 1


def report(given: argparse.Namespace) -> int:
    """Turn the records below a folder into tables, a plot and a report.

    With --sweep the exit code is 1 where a planned run has no record.
    """
    from reports.report import write_report

    folder, study = Path(given.folder), None
    entity, project = None, None
    if given.folder.startswith("wandb:"):
        from sweeps.collect import collect, parts_of

        folder, study = collect(given.folder, given.runs)
        entity, project, _ = parts_of(given.folder)
    if given.sweep:
        from sweeps.study.sweep_file import load_study

        study = load_study(given.sweep, given.count)
    out = given.out or folder / "report"
    planned = [run.config for run in study.runs()] if study else None
    written = write_report(folder, out, planned)
    print(written.summary)
    if given.wandb:
        from sweeps.publish import publish

        name = study.name if study else folder.resolve().name
        print(publish(out, name, given.wandb, project, entity))
    return 0 if written.complete else 1


def execution(given: argparse.Namespace) -> "Execution":
    from lightning_modules.machine import device_kind
    from lightning_modules.train import Execution

    if getattr(given, "executor", "here") == "here":
        device_kind(given.accelerator)  # it is there
    return Execution(
        accelerator=given.accelerator,
        workers=given.workers,
        data_folder=given.data_folder,
        wandb=given.wandb,
        val_every=given.val_every,
    )


Run = Callable[[argparse.Namespace], int | None]
AddOptions = Callable[[argparse.ArgumentParser], None]

VERBS: dict[str, tuple[Run, AddOptions, list[str]]] = {
    "list": (list_names, options.list_options, ["list", "list blocks", "list encoders"]),
    "show-data": (
        show_data,
        options.show_data_options,
        ["show-data digits", "show-data digits --split val --size 128 --out val.png"],
    ),
    "where": (
        where,
        options.where_options,
        ["where --model unet --encoder resnet50 --block cbam --placement stages"],
    ),
    "cost": (
        cost,
        options.cost_options,
        [
            "cost --channels 512 --size 64",
            "cost --block se --block my_file:MyBlock --model unet --size 512x1024",
            "cost --model deeplabv3plus --block non_local --placement stages --size 8192",
            "cost --model unet --size 512 --convention torch",
            "cost --all --placement stages --size 512",
        ],
    ),
    "reproduce": (
        reproduce,
        options.reproduce_options,
        [
            "reproduce psa",
            "reproduce psa --convention torch --out runs/psa-flops",
        ],
    ),
    "bench": (
        bench,
        options.bench_options,
        [
            "bench --block psa_parallel --shape 1x512x64x64",
            "bench --block non_local --shape 1x256x128x128 --dtype bfloat16 --device cuda",
        ],
    ),
    "bench-model": (
        bench_model,
        options.bench_model_options,
        ["bench-model --model deeplabv3plus --encoder resnet50 --size 512"],
    ),
    "train": (
        train,
        options.train_options,
        [
            "train --block psa_parallel --placement residual",
            "train --block my_file:MyBlock --max-steps 200 --wandb offline",
        ],
    ),
    "sweep": (
        sweep,
        options.sweep_options,
        [
            "sweep sweeps/demo.yaml --jobs 2",
            "sweep sweeps/demo.yaml --dry-run",
            "sweep sweeps/demo.yaml --check",
            "sweep sweeps/demo.yaml --gpus 0,1 --retries 1",
            "sweep sweeps/demo.yaml --executor slurm --partition gpu --gpus-per-run 1",
        ],
    ),
    "missing": (
        missing,
        options.missing_options,
        [
            "missing sweeps/demo.yaml",
            "missing sweeps/demo.yaml --runs runs --out rest.yaml",
        ],
    ),
    "report": (
        report,
        options.report_options,
        [
            "report runs/demo",
            "report runs/demo --sweep sweeps/demo.yaml --out page",
            "report wandb:ENTITY/PROJECT/SWEEP",
        ],
    ),
}
