"""Imports only go down the floors: sweeps > reports, lightning_modules > ablations."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, set[str]] = {
    "ablations": set(),
    "lightning_modules": {"ablations"},
    "sweeps": {"ablations", "lightning_modules", "reports"},
    "reports": {"ablations"},
}


def imported_packages(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def files_of(package: str) -> list[Path]:
    return list((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_down(package: str) -> None:
    for file in files_of(package):
        imported = imported_packages(ast.parse(file.read_text()))
        upward = imported & ALLOWED.keys() - {package} - ALLOWED[package]
        assert not upward, f"{file.relative_to(ROOT)} imports {upward}"


@pytest.mark.parametrize("package", ["ablations", "reports"])
def test_these_floors_know_neither_a_trainer_nor_wandb(package: str) -> None:
    for file in files_of(package):
        imported = imported_packages(ast.parse(file.read_text()))
        assert not imported & {"pytorch_lightning", "wandb"}, file.relative_to(ROOT)


@pytest.mark.parametrize("package", ["ablations", "lightning_modules"])
def test_frames_are_the_business_of_reports(package: str) -> None:
    for file in files_of(package):
        imported = imported_packages(ast.parse(file.read_text()))
        assert "pandas" not in imported, file.relative_to(ROOT)
