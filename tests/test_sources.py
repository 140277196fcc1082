"""The source of a user's block is part of the identity of a run."""

import os
import pickle
import sys
from pathlib import Path

import pytest

from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from ablations.sources import check_imported, is_import_path, source_of
from sweeps.study.coverage import swept_keys, write_missing
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs
from tests.test_records import record

BLOCK = {"block": "my_file:Own"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's working folder, with a block that would report being imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    write(
        tmp_path / "my_file.py", "import os, torch\nfrom own import part\nraise SystemExit"
    )
    write(tmp_path / "own" / "__init__.py", "")
    write(tmp_path / "own" / "part.py", "from . import deep\nfrom .deep import *")
    write(tmp_path / "own" / "deep.py", "def late():\n    import own.late")
    write(tmp_path / "own" / "late.py", "")
    write(tmp_path / "own" / "unused.py", "")
    return tmp_path


def write(path: Path, content: str | bytes) -> None:
    """Write a file that is newer than before, whatever the file system's clock says."""
    path.parent.mkdir(exist_ok=True)
    newer = path.stat().st_mtime_ns + 10**9 if path.exists() else None
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if newer:
        os.utime(path, ns=(newer, newer))


def test_blocks_of_the_registry_have_no_source() -> None:
    assert RunConfig(block="se").source == ""
    assert RunConfig.parse({"block": "psa_parallel"}).source == ""


@pytest.mark.parametrize(
    "file",
    ["my_file.py", "own/__init__.py", "own/part.py", "own/deep.py", "own/late.py"],
)
def test_an_edit_of_any_file_that_is_imported_makes_another_run(
    folder: Path, file: str
) -> None:
    before = RunConfig.parse(BLOCK)
    assert RunConfig.parse(BLOCK) == before
    write(folder / file, (folder / file).read_text() + "\n# edited")
    after = RunConfig.parse(BLOCK)
    assert after.source != before.source
    assert after.run_id != before.run_id
    record(before).write(RunFolder(folder, before).record)
    assert RunFolder(folder, before).find_record()
    assert RunFolder(folder, after).find_record() is None


def test_other_files_change_nothing(folder: Path) -> None:
    before = RunConfig.parse(BLOCK)
    write(folder / "own" / "unused.py", "x = 1")
    write(folder / "notes.py", "x = 1")
    assert RunConfig.parse(BLOCK) == before


def test_the_digest_is_the_same_elsewhere_and_with_other_line_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = RunConfig.parse(BLOCK)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for file in folder.rglob("*.py"):
        copy = elsewhere / file.relative_to(folder)
        write(copy, file.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.chdir(elsewhere)
    assert RunConfig.parse(BLOCK) == before


def test_a_file_that_cannot_be_parsed_has_a_digest_all_the_same(folder: Path) -> None:
    digests = set()
    for content in ("def (", b"\0", b"\xff\xfe", "(" * 300, "x = 1"):
        write(folder / "my_file.py", content)
        digests.add(source_of(BLOCK))
    assert len(digests) == 5
    assert "" not in digests


def test_a_compiled_module_is_known_by_its_file(folder: Path) -> None:
    suffix = ".abi3.so"
    write(folder / f"built{suffix}", b"\x7fELF 1")
    before = source_of({"block": "built:Own"})
    write(folder / f"built{suffix}", b"\x7fELF 2")
    assert source_of({"block": "built:Own"}) not in {"", before}


def test_an_installed_package_is_followed_no_further_than_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = folder / "site-packages"
    write(site / "one.py", "import other")
    write(site / "other.py", "")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    before = source_of({"block": "one:Own"})
    write(site / "other.py", "x = 1")
    assert source_of({"block": "one:Own"}) == before
    write(site / "one.py", "import other, sys")
    assert source_of({"block": "one:Own"}) != before


def test_an_environment_beside_a_file_is_not_the_users_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = folder / ".venv" / "lib" / "site-packages"
    site.mkdir(parents=True)
    write(folder / "my_file.py", "import library")
    write(site / "library.py", "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    before = source_of(BLOCK)
    write(site / "library.py", "x = 1")
    assert source_of(BLOCK) == before != ""


@pytest.mark.parametrize("block", ["nowhere:Own", "my_file:", ":Own", "a b:c", "x:[a](b)"])
def test_what_is_not_found_has_no_source(folder: Path, block: str) -> None:
    assert source_of({"block": block}) == ""
    assert source_of({"block": 3, "dataset": None}) == ""
    assert is_import_path("a.b:C")


def test_a_source_that_is_stated_must_be_the_present_one(folder: Path) -> None:
    config = RunConfig.parse(BLOCK)
    assert RunConfig.parse(config.model_dump(), "run.yaml") == config
    assert RunConfig.parse(BLOCK | {"source": ""}) == config
    write(folder / "my_file.py", "x = 1")
    with pytest.raises(InputError, match=r"run\.yaml: source = 'block=.*has changed"):
        RunConfig.parse(config.model_dump(), "run.yaml")
    with pytest.raises(InputError, match="only a user's own part has one"):
        RunConfig.parse({"block": "se", "source": config.source})


def test_a_run_does_not_begin_with_another_source_than_it_states(folder: Path) -> None:
    config: RunConfig = pickle.loads(pickle.dumps(RunConfig.parse(BLOCK)))
    check_imported(config.model_dump())
    write(folder / "my_file.py", "x = 1")
    with pytest.raises(InputError, match="has changed"):
        check_imported(config.model_dump())
    with pytest.raises(InputError, match="after this process imported it"):
        check_imported(RunConfig.parse(BLOCK).model_dump())


def test_a_sweep_neither_asks_for_sources_nor_lists_them(folder: Path) -> None:
    sweep = folder / "own.yaml"
    sweep.write_text(
        "method: grid\n"
        "parameters: {block: {values: [none, 'my_file:Own']}, seed: {value: 0}}\n"
    )
    study = load_study(sweep)
    runs = list(study.runs())
    assert swept_keys([run.config for run in runs]) == ["block"]
    write(folder / "my_file.py", "x = 1")
    assert runs[1].cell == {"block": "my_file:Own", "seed": 0}
    write_missing(sweep, study, runs[1:], folder / "missing.yaml")
    assert "source" not in (folder / "missing.yaml").read_text()
    assert configs(load_study(folder / "missing.yaml")) == [RunConfig.parse(BLOCK)]
