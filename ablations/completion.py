"""Tab completion in a shell: verbs, flags, and the names that options take.

The shell starts `ablate` at each TAB; only the verb on its line is imported.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import argcomplete
from argcomplete.completers import BaseCompleter, FilesCompleter

from ablations.catalogue import NAMES
from ablations.signatures import OPTIONS


class NamesOrFiles(BaseCompleter):
    """Completes values; argcomplete itself completes verbs, flags and choices."""

    def __call__(
        self,
        *,
        prefix: str,
        action: argparse.Action,
        parser: argparse.ArgumentParser,
        parsed_args: argparse.Namespace,
    ) -> Iterable[str]:
        names, options = NAMES.get(action.dest), OPTIONS.get(action.dest)
        if options and "(" in prefix:
            return begun(prefix, options())
        return names() if names else FilesCompleter()(prefix)


def begun(prefix: str, options: Mapping[str, Iterable[str]]) -> list[str]:
    """A part up to the next option, as in unet(encoder_depth=."""
    start = prefix[: max(prefix.rfind("("), prefix.rfind(",")) + 1]
    names = options.get(prefix.partition("(")[0], ())
    return [f"{start}{name}=" for name in names]


def complete(create_parser: Callable[[Sequence[str]], argparse.ArgumentParser]) -> None:
    """Print the completions of the line on which TAB was pressed, and exit."""
    parser = create_parser(os.environ.get("COMP_LINE", "").split())
    argcomplete.autocomplete(parser, default_completer=NamesOrFiles())
