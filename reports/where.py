"""Where the blocks of a model are, and what each of them costs."""

from ablations.attention.base import Evaluation
from ablations.complexity.control_costs import control_costs
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting
from ablations.controls import control_of
from reports.columns import WHERE, control_columns
from reports.cost_tables import control_table, site_table
from reports.page import Table


def where_table(block: str, setting: Setting, evaluation: Evaluation) -> Table:
    """A control is shown beside the block that it matches, as published."""
    if control := control_of(block):
        columns = control_columns(control.name)
        return Table(control_table(control_costs(block, setting)), columns)
    return Table(site_table(site_costs(block, setting, evaluation)), WHERE)
