"""Users may import the names in each package's __init__, which loads nothing before."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["ablations", "lightning_modules", "sweeps", "reports"]
NAMES = [(package, name) for package in PACKAGES for name in import_module(package).__all__]


def imports_for_types(package: str) -> dict[str, str]:
    """Name -> module, for the imports that type checkers see."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    [branch] = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_name_can_be_imported(package: str, name: str) -> None:
    home = imports_for_types(package)[name]
    value = getattr(import_module(package), name)
    assert value is getattr(import_module(home), name)
    assert getattr(value, "__module__", home).startswith(home)  # not merely re-exported


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_same_names(package: str) -> None:
    assert sorted(imports_for_types(package)) == sorted(import_module(package).__all__)


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_no_public_name_is_a_module_too(package: str, name: str) -> None:
    """Importing the module would shadow the name."""
    assert not (ROOT / package / f"{name}.py").exists()
    assert not (ROOT / package / name).exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_an_ordinary_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nam'"):
        import_module(package).nam  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nam'"):
        exec(f"from {package} import nam")


def test_packages_import_nothing_heavy_before_a_name_is_asked_for() -> None:
    code = f"import sys, {', '.join(PACKAGES)}; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", code]
    modules = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"torch", "pandas", "numpy", "pydantic", "yaml", "pytorch_lightning", "wandb"}
    assert not heavy & set(modules.stdout.split())
