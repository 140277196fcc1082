"""List the known blocks, placements, models, encoders and data sets.

For blocks, models or data sets alone, with their options, such as ea(heads=8) and
linknet(encoder_depth=4).
"""

import argparse
from collections.abc import Mapping

from ablations.catalogue import NAMES
from ablations.signatures import OPTIONS, spelled

EXAMPLES = ["list", "list blocks", "list encoders"]
KINDS = {
    "losses" if option == "loss" else f"{option}s": names for option, names in NAMES.items()
}
OTHER_ENCODERS = [
    "tu-NAME: timm's models (python -c 'import timm; print(timm.list_models())')",
    "tu-NAME(option=value): arguments of the model's class, such as drop_path_rate=0.1",
]
PLACES = [
    "NAME@3, NAME@3-4: only the places in these stages, numbered as the encoder's features",
    "    (in a ResNet, stages 2 to 5 are conv2_x to conv5_x)",
    "NAME@every2: every second place, beginning with the first",
    "NAME+NAME: both, such as stages@4-5+decoder",
    "my_file:my_placement: your own function from a model to a list of places",
]
OTHER_BLOCKS = "  timm's and smp's, such as timm:eca, smp:scse (all: `ablate list blocks`)"
ENCODERS_IN_SHORT = [
    "smp's, such as resnet18, efficientnet-b0, mit_b0 (all: `ablate list encoders`)",
    "timm's, as tu-NAME, such as tu-convnext_tiny",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind",
        nargs="?",
        choices=[*KINDS, "encoders"],
        help="default: all, with a few encoders",
    )


def run(args: argparse.Namespace) -> None:
    if args.kind == "encoders":
        print_encoders()
        return
    if args.kind:
        print_names(args.kind, KINDS[args.kind](), options_of(args.kind))
        print_places(args.kind)
        return
    for kind, names in KINDS.items():
        print_names(kind, ours(names()), {})
        if kind == "blocks":
            print(OTHER_BLOCKS)
        print_places(kind)
    print("encoders:", *ENCODERS_IN_SHORT, sep="\n  ")


def print_places(kind: str) -> None:
    if kind == "placements":
        print("  which of them:", *PLACES, sep="\n    ")
    if kind == "datasets":
        print("  my_file:my_data: your own function or class, which returns a DataSource")


def ours(names: Mapping[str, str]) -> dict[str, str]:
    """Without the blocks of other libraries, which one line stands for."""
    return {name: meaning for name, meaning in names.items() if ":" not in name}


def options_of(kind: str) -> Mapping[str, Mapping[str, str]]:
    """The options of each name, if a kind has any."""
    read = OPTIONS.get(kind.removesuffix("s"))
    return read() if read else {}


def print_encoders() -> None:
    from segmentation_models_pytorch.encoders import get_encoder_names

    print(*get_encoder_names(), *OTHER_ENCODERS, sep="\n")


def print_names(
    kind: str, names: Mapping[str, str], options: Mapping[str, Mapping[str, str]]
) -> None:
    """One line for each name, and one for its options with their defaults."""
    print(f"{kind}:")
    width = max(map(len, names))
    for name, meaning in names.items():
        print(f"  {name:{width}}  {meaning}")
        if known := options.get(name):
            print(f"  {'':{width}}  options: {spelled(known)}")
    if kind == "placements":
        print("  which of them:", *PLACES, sep="\n    ")
