"""The form of the name of a user's block: the import path my_package.my_file:MyBlock."""

import keyword

from ablations.errors import InputError, quoted


def check_import_path(name: str) -> None:
    """InputError, before any import, for a path whose parts are not names."""
    module, _, attribute = name.partition(":")
    for part in [*module.split("."), attribute]:
        if not part.isidentifier() or keyword.iskeyword(part):
            raise InputError(
                f"block {quoted(name)}: {quoted(part)} is not a name; "
                "a block of your own is my_package.my_file:MyBlock"
            )
