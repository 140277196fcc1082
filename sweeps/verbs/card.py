"""One page about one block beside its peers: check, anatomy, cost, controls, probes.

Without probes it takes about half a minute. The probes train the block, a control of the
same cost and the baseline with three seeds (six with --full) on two small data sets; what
has a record is not trained again. The exit code is 1 if the block breaks what every block
promises, or if a run has no record.
"""

import argparse
from pathlib import Path

from ablations.notation import file_name
from ablations.option_types import part, positive
from ablations.options import BLOCK, DEFAULT, runs_option, wide_option
from lightning_modules.execution import with_defaults

EXAMPLES = [
    "card my_file:MyBlock",
    "card my_file:MyBlock --no-probes --beside se coordinate",
    "card timm:eca --full --out runs/eca",
]
PEERS = ["se", "gc", "psa_parallel"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("block", type=part("block"), metavar="BLOCK", help=BLOCK)
    parser.add_argument(
        "--beside",
        type=part("block"),
        nargs="+",
        default=PEERS,
        metavar="PEER",
        help=f"blocks to show it beside (default: {' '.join(PEERS)})",
    )
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--no-probes", action="store_true", help="train nothing")
    extent.add_argument("--full", action="store_true", help="probes with six seeds, not 3")
    parser.add_argument(
        "--jobs", type=positive, default=2, metavar="N", help=f"runs at a time {DEFAULT}"
    )
    runs_option(parser)
    parser.add_argument(
        "--out", type=Path, help="folder for the page (default: RUNS/card-BLOCK)"
    )
    wide_option(parser)


def run(args: argparse.Namespace) -> int:
    """The page is written before the probes, too."""
    from ablations.whole_file import check_writable
    from reports.card.examination import examine
    from reports.card.page import card_page, probe_words, short_form
    from reports.page import Items
    from reports.terminal import show
    from reports.write.pages import write_page
    from sweeps.card import ALL_SEEDS, SEEDS, train_probes

    runs = with_defaults(args).runs
    out = args.out or runs / f"card-{file_name(args.block)}"
    check_writable(out)
    peers = [peer for peer in dict.fromkeys(args.beside) if peer != args.block]
    examination = examine(args.block, peers, print)
    path = write_page(card_page(examination), out, "card")
    show(short_form(examination), args.wide)
    if args.no_probes or examination.broken:
        print("written:", path)
        return int(examination.broken)
    seeds = ALL_SEEDS if args.full else SEEDS
    trained = train_probes(args.block, seeds, runs, args.jobs)
    write_page(card_page(examination, trained), out, "card")
    show([Items(probe_words(trained))], args.wide)
    print("written:", path)
    return 0 if trained.complete else 1
