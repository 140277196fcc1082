"""Every verb fulfils one contract, and the command line loads only the requested verb."""

import argparse
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from ablations.cli import VERBS, create_parser, main, summary

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "pandas", "wandb", "matplotlib", "pytorch_lightning", "timm"}
SHARED = {  # whose options a verb adopts, or reads in the command of a sweep file
    "bench-model": "reports.verbs.bench",
    "sweep": "lightning_modules.verbs.train",
    "missing": "lightning_modules.verbs.train",
    "bench-study": "lightning_modules.verbs.train",
    "show-evidence": "lightning_modules.verbs.train",
    "report": "lightning_modules.verbs.train",
}
PRINT_IMPORTS = (
    "import sys\nfrom ablations.cli import main\n"
    "try: main(sys.argv[1:])\n"
    "except SystemExit: pass\n"
    "print(*sys.modules, file=sys.stderr)"
)


def module_of(verb: str) -> ModuleType:
    return import_module(VERBS[verb])


def imports_of(*words: str) -> set[str]:
    """The modules that a fresh process has loaded after this command."""
    command = [sys.executable, "-c", PRINT_IMPORTS, *words]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(process.stderr.split())


def options_of(verb: str) -> list[argparse.Action]:
    parser = argparse.ArgumentParser()
    module_of(verb).add_options(parser)
    return parser._actions


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_a_module_with_a_summary_examples_options_and_a_run(verb: str) -> None:
    module = module_of(verb)
    assert (module.__doc__ or "").splitlines()[0] == summary(VERBS[verb])
    assert callable(module.add_options)
    assert callable(module.run)
    assert module.EXAMPLES
    for example in module.EXAMPLES:
        words = shlex.split(example)
        assert words[0] == verb
        assert create_parser(words).parse_args(words).run is module.run


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_shows_examples(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  ablate {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_says_what_it_is(verb: str) -> None:
    assert [action.dest for action in options_of(verb) if not action.help] == []


def test_every_module_of_a_verbs_folder_is_in_the_table() -> None:
    files = {path for path in ROOT.glob("*/verbs/*.py") if path.name != "__init__.py"}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    assert modules == set(VERBS.values())


def test_the_help_opens_no_verb() -> None:
    modules = imports_of("--help")
    assert not {module for module in modules if re.match(r"\w+\.verbs\b", module)}
    assert not modules & HEAVY


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_heavy_and_opens_no_other(verb: str) -> None:
    modules = imports_of(verb, "--help")
    assert VERBS[verb] in modules
    assert not modules & HEAVY
    verbs = set(VERBS.values()) & modules
    assert verbs <= {VERBS[verb], SHARED.get(verb)}
