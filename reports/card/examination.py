"""All that a card says about a block without training it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ablations.anatomy import CHANNELS, SIZE, Anatomy
from ablations.bare_models import BareModel
from ablations.blocks import find_block
from ablations.check.finding import Finding, any_broken
from ablations.check.insertion_check import check_insertion
from ablations.models import Network
from reports.anatomy import anatomies, anatomy_page
from reports.card.stage_costs import control_tables, stage_table, totals
from reports.card.words import check_words, cost_words, function_words, start_words
from reports.check import check_table, figures
from reports.page import Heading, Part, Strong, Table, Text

BARE = BareModel("deeplabv3plus", "resnet18", 21)  # as in `ablate check`
PLACEMENT, IMAGE = "residual", (64, 64)


class Examination(NamedTuple):
    """Sentences and sections; if the block breaks its promises, those of the check only."""

    block: str
    broken: bool
    words: list[Text]
    sections: list[Part]
    printed: list[Table]  # those of the tables that a terminal shows


def examine(block: str, beside: Sequence[str], say: Callable[[str], None]) -> Examination:
    """Takes about half a minute; say announces each step.

    Raises InputError for an unknown block, and for one that cannot be built or is none.
    """
    for name in (block, *beside):
        find_block(name)
    say(f"check of {block} in {BARE.model} with {BARE.encoder}")
    network = Network(BARE, None, block, PLACEMENT, IMAGE)
    findings = check_insertion(network, "fast")
    checked = check_part(network, findings)
    if any_broken(findings):
        return Examination(block, True, *checked, [table_in(checked[1])])
    say("anatomy of the block and of its peers")
    computed = anatomy_part(block, beside)
    say("cost at four stages, and controls of the same cost")
    costs = cost_part(block, beside)
    words = [text for part in (checked, computed, costs) for text in part[0]]
    sections = [each for part in (checked, computed, costs) for each in part[1]]
    printed = [table_in(part[1]) for part in (computed, costs)]
    return Examination(block, False, words, sections, printed)


def table_in(sections: Sequence[Part]) -> Table:
    """The first one, without its notes, which are on the page."""
    table = next(part for part in sections if isinstance(part, Table))
    return table._replace(notes=())


def check_part(
    network: Network, findings: Sequence[Finding]
) -> tuple[list[Text], list[Part]]:
    words = [Text(Strong("Check."), f" {check_words(findings)}")]
    words += [note_on(finding) for finding in findings if finding.verdict == "note"]
    return words, [Heading("Check before training"), check_table(network, findings)]


def note_on(finding: Finding) -> Text:
    details = f" ({values})" if (values := figures(finding)) else ""
    return Text(Strong(f"Note on {finding.subject}{details}."), f" {finding.advice}")


def anatomy_part(block: str, beside: Sequence[str]) -> tuple[list[Text], list[Part]]:
    """The tables of `ablate anatomy`, but for the cost at a size of its own."""
    found, problems = anatomies([block, *beside], CHANNELS, SIZE)
    function, start, _ = anatomy_page(found, CHANNELS, SIZE, problems).tables
    own = [one for one in found if one.block == block]
    peers = [one for one in found if one.block != block]
    words = [text for one in own for text in anatomy_words(one, peers)]
    words += left_out(problems)
    return words, [Heading("What it computes, and how it begins"), function, start]


def anatomy_words(own: Anatomy, peers: Sequence[Anatomy]) -> list[Text]:
    function = f" {function_words(own, peers, SIZE)}"
    return [
        Text(Strong("Function."), function),
        Text(Strong("Start."), f" {start_words(own)}"),
    ]


def left_out(problems: Sequence[str]) -> list[Text]:
    """The blocks that are missing in a section, and why."""
    return [Text(Strong("Left out."), f" {problem}") for problem in problems]


def cost_part(block: str, beside: Sequence[str]) -> tuple[list[Text], list[Part]]:
    table = stage_table([block, *beside])
    costs = totals(table)
    words = [Text(Strong("Cost."), f" {cost_words(costs)}")] if costs else []
    words += left_out(table.notes)
    tables, problems = control_tables(block)
    sections: list[Part] = [Heading("What it costs"), table]
    sections += [Heading("Controls of the same cost"), *tables, *map(Text, problems)]
    return words, sections
