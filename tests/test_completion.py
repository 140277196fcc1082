"""TAB completes verbs, flags and names, and imports nothing slow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.attention import BLOCKS
from ablations.cli import VERBS
from ablations.encoders import MODELS
from ablations.placements import PLACEMENTS
from lightning_modules.data import DATASETS

HEAVY = ("torch", "timm", "pandas", "pytorch_lightning", "wandb")


def completions(line: str, folder: Path) -> set[str]:
    """What a shell receives when TAB is pressed at the end of a line."""
    answer = folder / "answer"
    environment = os.environ | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    command = [sys.executable, "-X", "importtime", "-m", "ablations"]
    process = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    modules = {row.split("|")[-1].strip() for row in process.stderr.splitlines()}
    assert "argparse" in modules
    assert not modules & {*HEAVY}
    return {word.strip() for word in answer.read_text().split("\n")}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("ablate ", VERBS),
        ("ablate bench", ["bench", "bench-model", "bench-study"]),
        ("ablate cost --block ", BLOCKS),
        ("ablate cost --block psa_p", ["psa_parallel", "psa_parallel_code"]),
        ("ablate cost --block timm:ec", ["timm:eca", "timm:ecam"]),
        ("ablate train --placement ", PLACEMENTS),
        ("ablate where --model ", MODELS),
        ("ablate train --dataset ", DATASETS),
        ("ablate data show ", DATASETS),
        ("ablate data ", ["check", "show", "download"]),
        ("ablate train --block 'se(", ["se(ratio="]),
        ("ablate where --model 'unet(enc", ["unet(encoder_depth="]),
        (
            "ablate where --model 'unet(encoder_depth=3,dec",
            ["unet(encoder_depth=3,decoder_channels="],
        ),
        ("ablate train --optimizer ", ["sgd", "adamw"]),
        ("ablate sweep --executor ", ["here", "slurm", "local"]),
        ("ablate sweep smoke.yaml --gpus", ["--gpus", "--gpus-per-run"]),
        ("ablate list ", ["blocks", "placements", "models", "encoders", "datasets"]),
    ],
)
def test_a_tab_completes_verbs_flags_and_names(
    line: str, names: list[str], tmp_path: Path
) -> None:
    assert set(names) <= completions(line, tmp_path)


def test_a_tab_leaves_out_what_does_not_fit(tmp_path: Path) -> None:
    assert completions("ablate cost --block note_", tmp_path) == {
        name for name in BLOCKS if name.startswith("note_")
    }


def test_a_tab_completes_the_name_of_a_sweep_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert "mine.yaml" in completions("ablate sweep mi", tmp_path)
