"""Lists of image names: text files with one name per line."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from ablations.errors import InputError


def read_list(path: Path) -> list[str]:
    """The names in a list, without blank lines and without blanks around names.

    Raises InputError for a file that is not a list of names or lists no images, and for a
    name that leads out of the image folder.
    """
    if not path.is_file():
        raise InputError(f"{path}: not found, or not a file")
    try:
        lines = path.read_text("utf-8-sig").split("\n")  # read_text turns CRLF into LF
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start + 1})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InputError(f"{path}: lists no images")
    for name in names:
        check_name(name, path)
    return names


def check_name(name: str, path: Path) -> None:
    """InputError unless a name is printable and stays inside its folder."""
    parts = PurePosixPath(name).parts + PureWindowsPath(name).parts
    inside = ".." not in parts and not name.startswith(("/", "\\"))
    if not (inside and name.isprintable() and len(name.encode()) <= 200):
        raise InputError(f"{path}: {name[:60]!r} is not an image name")
