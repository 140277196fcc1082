"""Tables in a document, compiled with pdflatex."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCUMENT = r"""\documentclass[10pt]{article}
%s
\usepackage{booktabs}
\usepackage{siunitx}
\begin{document}
%s
\end{document}
"""
LARGE = r"\usepackage[landscape,margin=5mm,paperwidth=150cm,paperheight=100cm]{geometry}"
MISSING = "pdflatex with siunitx not found: texlive-latex-recommended and texlive-science"


def compiled(body: str, folder: Path, preamble: str = "") -> str:
    """What pdflatex logs; the document is folder/all.pdf. Skips the test without LaTeX."""
    if shutil.which("pdflatex") is None or not has_siunitx():
        pytest.skip(MISSING)
    (folder / "all.tex").write_text(DOCUMENT % (preamble, body))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout[-2000:]
    log = (folder / "all.log").read_text(errors="replace")
    assert "Missing character" not in log
    return log


def has_siunitx() -> bool:
    command = ["kpsewhich", "siunitx.sty"]
    return subprocess.run(command, capture_output=True).returncode == 0


def overfull(log: str) -> list[str]:
    return re.findall(r"Overfull \\hbox.*", log)
