# PYTHON_ARGCOMPLETE_OK
"""The front door: `ablate VERB` imports the module of that verb, and no other."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from ablations.catalogue import first_line, source
from ablations.errors import InputError, printable
from ablations.search_path import check_suite, look_here_last
from ablations.version import version

VERBS = {  # as a user meets them; each module has EXAMPLES, add_options and run
    "list": "ablations.verbs.list_names",
    "data": "lightning_modules.verbs.data",
    "where": "reports.verbs.where",
    "card": "sweeps.verbs.card",
    "check": "reports.verbs.check",
    "anatomy": "reports.verbs.anatomy",
    "cost": "reports.verbs.cost",
    "reproduce": "reports.verbs.reproduce",
    "bench": "reports.verbs.bench",
    "bench-model": "reports.verbs.bench_model",
    "train": "lightning_modules.verbs.train",
    "predict": "lightning_modules.verbs.predict",
    "evaluate": "lightning_modules.verbs.evaluate",
    "export": "lightning_modules.verbs.export",
    "sweep": "sweeps.verbs.sweep",
    "show-evidence": "sweeps.verbs.show_evidence",
    "show-predictions": "sweeps.verbs.show_predictions",
    "show-attention": "sweeps.verbs.show_attention",
    "missing": "sweeps.verbs.missing",
    "bench-study": "sweeps.verbs.bench_study",
    "report": "sweeps.verbs.report",
    "findings": "reports.verbs.findings",
    "audit": "reports.verbs.audit",
    "compare": "reports.verbs.compare",
    "export-records": "reports.verbs.export_records",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. Invalid input prints one message and exits with code 2."""
    look_here_last()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        check_suite()
        if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions
            import_module("ablations.completion").complete(create_parser)
        args = create_parser(words).parse_args(words)
        code: int = args.run(args) or 0
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
    """Messages are one line without control characters."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def create_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """All verbs, with the options of only the first that appears in words."""
    parser = Parser(
        prog="ablate",
        description="Ablation and benchmark suite for attention blocks in segmentation.",
        epilog="`ablate VERB --help` shows the options and examples of a verb. Exit codes: "
        "0; 1 if runs failed or are missing; 2 if the input is invalid, or if files cannot "
        "be written (tables are printed first); 130 after Ctrl-C. Tab completion in bash "
        'or zsh: eval "$(register-python-argcomplete ablate)"',
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version() or '(not installed)'}"
    )
    parser.set_defaults(run=lambda _: without_verb(parser))
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    asked = next((word for word in words if word in VERBS), None)
    for name, module in VERBS.items():
        verb = verbs.add_parser(name, help=summary(module))
        if name == asked:
            open_verb(module, verb)
    return parser


def summary(module: str) -> str:
    """The first line of a module's docstring, read without importing it."""
    package, *path = module.split(".")
    return first_line(source(package, f"{'/'.join(path)}.py")) + "."


def open_verb(module: str, parser: argparse.ArgumentParser) -> None:
    """Import a verb's module, and add its help and options to the parser."""
    verb = import_module(module)
    parser.description = (verb.__doc__ or "").strip()
    parser.epilog = "examples:\n" + "\n".join(f"  ablate {line}" for line in verb.EXAMPLES)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_options(parser)
    parser.set_defaults(run=verb.run)


def without_verb(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2
