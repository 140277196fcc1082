"""Recount a paper's complexity tables beside its printed figures, with reasons."""

import argparse

from ablations.options import open_option, out_option, wide_option

EXAMPLES = [
    "reproduce psa",
    "reproduce psa --convention torch --out runs/psa-flops",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paper", choices=["psa"], help="Polarized Self-Attention")
    parser.add_argument(
        "--convention",
        help="count FLOPs in every table by this convention of `ablate cost` (default: as "
        "the authors of each table did)",
    )
    out_option(parser, "runs/psa")
    wide_option(parser)
    open_option(parser)


def run(args: argparse.Namespace) -> None:
    from ablations.complexity.conventions import find_convention
    from ablations.threads import on_threads
    from reports.browser import open_page
    from reports.psa_paper.pages import chapters, psa_page, verdict_table
    from reports.terminal import progress, show
    from reports.write.pages import write_page

    convention = find_convention(args.convention) if args.convention else None
    with on_threads(1):
        steps = chapters(convention)
        contents = [count() for count in progress(steps, "tables", len(steps))]
    show([verdict_table(contents)], args.wide)
    path = write_page(psa_page(contents), args.out, "psa")
    print("written:", path, "(every cell with its reason)")
    if args.open:
        print(open_page(path.with_suffix(".html")))
