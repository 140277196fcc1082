"""One view over all settings: any keys of the configuration as rows, columns and groups."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ablations.errors import InputError, unknown_name
from ablations.records import RunRecord
from reports.baselines import KEYS
from reports.comparison import Comparison, comparisons
from reports.page import Heading, Part, Table, Text
from reports.view_metrics import METRICS
from reports.view_options import KEYS as AXES
from reports.view_runs import Run, in_order, runs_of, varying
from reports.view_selection import KEPT, to_choose
from reports.view_table import Layout, key_value, table_of

WIDEST = 8  # the most columns that are chosen by themselves
SMALL = 6  # the most combinations of several keys that are columns by themselves
GROUPS = 12  # the most tables that are made by themselves
NAMED = 3  # the most tables that have files of their own


class View(NamedTuple):
    """Which keys are rows and columns, and which number of METRICS is in the cells."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    metric: str
    groups: tuple[str, ...] = ()  # a table for each combination of their values
    best_per: tuple[str, ...] = ()  # of these and the keys above: other keys at their best

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.groups, *self.rows, *self.columns)


def checked(view: View) -> View:
    """The same view; InputError for an unknown key or metric, or a key that is repeated."""
    for key in (*view.keys, *view.best_per):
        if key not in AXES:
            raise unknown_name("key", key, AXES)
    for key in view.keys:
        if view.keys.count(key) > 1:
            raise InputError(f"key {key!r} is used twice among rows, columns and groups")
    if view.metric not in METRICS:
        raise unknown_name("metric", view.metric, METRICS)
    return view


def default_of(compared: Sequence[Comparison]) -> View | None:
    """By what varies in the study; None if there is only one setting."""
    if len(compared) < 2:
        return None
    values = {key: found for key, found in varying(compared).items() if key in AXES}
    keys, metric = independent(compared, [*values]), default_metric(compared)
    columns = column_keys(compared, sorted(keys, key=lambda key: -len(values[key])))
    others = tuple(key for key in keys if key not in columns)
    groups = others if combinations(compared, others) <= GROUPS else ()
    if combinations(compared, columns) > WIDEST:
        return View(columns, ("block",), metric, groups)
    return View(("block",), columns, metric, groups)


def column_keys(compared: Sequence[Comparison], keys: Sequence[str]) -> tuple[str, ...]:
    """The first key, and others as long as there are few combinations; in their order."""
    columns = [*keys[:1]]
    for key in keys[1:]:
        if combinations(compared, [*columns, key]) <= SMALL:
            columns.append(key)
    return tuple(key for key in KEYS if key in columns)


def combinations(compared: Sequence[Comparison], keys: Sequence[str]) -> int:
    """How many of these keys' values occur in settings."""
    return len({tuple(map(one.setting.get, keys)) for one in compared})


def independent(compared: Sequence[Comparison], keys: Sequence[str]) -> list[str]:
    """The keys without those that follow from another one that is kept."""
    kept: list[str] = []
    for key in sorted(
        keys, key=lambda key: -len({one.setting.get(key) for one in compared})
    ):
        if not any(follows(compared, key, other) for other in kept):
            kept.append(key)
    return [key for key in keys if key in kept]


def follows(compared: Sequence[Comparison], key: str, other: str) -> bool:
    """Whether settings with the same value of the other key have the same of this one."""
    pairs = {(one.setting.get(other), one.setting.get(key)) for one in compared}
    return len(pairs) == len({value for value, _ in pairs})


def default_metric(compared: Sequence[Comparison]) -> str:
    """Outcomes of probes are counted; gains need a baseline and a block in one setting."""
    everything = [r for one in compared for r in (*one.records, *one.orphans)]
    if everything and all(record.information is not None for record in everything):
        return "solved"
    paired = [record for one in compared for record in one.records]
    return "gain" if any(r.config.block != "none" for r in paired) else "miou"


def completed(asked: View, compared: Sequence[Comparison]) -> View:
    """A view whose empty rows, columns and metric are chosen by what varies."""
    usual = usual_view(compared, asked.best_per)
    metric = asked.metric or usual.metric
    if not asked.keys:
        return checked(usual._replace(metric=metric))
    candidates = ("block", *usual.rows, *usual.columns, "seed")
    rows = asked.rows or tuple(key for key in candidates if key not in asked.keys)[:1]
    left = tuple(key for key in usual.columns if key not in {*asked.keys, *rows})
    if "block" not in {*asked.keys, *rows}:
        left = ("block",)
    columns = asked.columns or left
    return checked(asked._replace(rows=rows, columns=columns, metric=metric))


def usual_view(compared: Sequence[Comparison], best_per: tuple[str, ...]) -> View:
    """The default view; if values are to be chosen, without the keys to choose from."""
    usual = default_of(compared) or View(("block",), (), default_metric(compared))
    if not best_per:
        return usual
    columns = [key for key in varying(compared) if key in {*best_per, *KEPT}]
    starts = {record.config.init for one in compared for record in one.records}
    rows = ("block", "init") if "init" in best_per and len(starts) > 1 else ("block",)
    return View(rows, tuple(columns), usual.metric, (), best_per)


def view_table(records: Iterable[RunRecord], view: View) -> Table:
    """The view in one table; its groups are not separated."""
    compared = comparisons(records)
    whole = checked(view)._replace(groups=())
    return table_of(runs_for(compared, whole), layout(compared, whole))


def parts_of(compared: Sequence[Comparison], view: View) -> list[Part]:
    """A heading, and a table for each group."""
    runs, plan = runs_for(compared, checked(view)), layout(compared, view)
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(run.at(view.groups), []).append(run)
    tables = [
        table_of(groups[values], plan, ", ".join(map(key_value, view.groups, values)))
        for values in in_order(view.groups, groups)
    ]
    if len(tables) <= NAMED:
        tables = [one._replace(name=file_name(n)) for n, one in enumerate(tables, start=1)]
    parts = [one if len(one.numbers) else nothing(one) for one in tables]
    return [Heading("All settings in one view"), *told_apart(plan), *parts]


def told_apart(plan: Layout) -> list[Text]:
    """How the sentences at the head of the page count values that a view chooses from."""
    tuned = to_choose(plan.others, plan.best_per)
    if not plan.best_per or not tuned:
        return []
    keys = " and ".join(tuned)
    return [
        Text(
            f"Here each block has its best {keys}. The sentences at the head of this page "
            f"count each {keys} as a setting of its own."
        )
    ]


def nothing(table: Table) -> Text:
    return Text(" ".join([f"{table.caption}: no run can be shown.", *table.notes]))


def file_name(number: int) -> str:
    return "view" if number == 1 else f"view-{number}"


def runs_for(compared: Sequence[Comparison], view: View) -> list[Run]:
    return runs_of(compared, with_init="init" in {*view.keys, *view.best_per})


def layout(compared: Sequence[Comparison], view: View) -> Layout:
    used = {*view.keys}
    others = [key for key in ("block", *varying(compared)) if key not in used]
    return Layout(view.rows, view.columns, view.groups, view.metric, others, view.best_per)
