"""The question of a study: the comment that its sweep file begins with."""

from pathlib import Path

from ablations.errors import InputError, first_line


def question_of(study: str, sweeps: Path) -> str:
    """The leading comment of sweeps/STUDY.yaml as one paragraph, or an empty text.

    Raises InputError for a file that cannot be read as text.
    """
    path = sweeps / f"{study}.yaml"
    if Path(study).name != study or not path.is_file():
        return ""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {first_line(error)}") from error
    comment: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("#").strip())
    return " ".join(filter(None, comment))
