"""Names with a colon: the import path my_package.my_file:MyBlock, a library's timm:eca."""

import keyword

from ablations.errors import InputError, quoted

LIBRARIES = ("timm", "smp")  # whose blocks have short names


def is_library_block(name: str) -> bool:
    """Whether a name is a library's short one, known to it or not, rather than a path."""
    library, colon, _ = name.partition(":")
    return bool(colon) and library in LIBRARIES


def check_import_path(name: str, kind: str = "block", example: str = "MyBlock") -> None:
    """InputError, before any import, for a path whose parts are not Python names."""
    module, _, attribute = name.partition(":")
    for part in [*module.split("."), attribute]:
        if not part.isidentifier() or keyword.iskeyword(part):
            raise InputError(
                f"{kind} {quoted(name)}: {quoted(part)} is not a Python name; "
                f"write a {kind} of your own as my_package.my_file:{example}"
            )
