"""Where the blocks of a model are, and what each of them costs."""

from ablations.attention.base import Evaluation
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting
from reports.columns import WHERE
from reports.cost_tables import site_table
from reports.page import Table


def where_table(block: str, setting: Setting, evaluation: Evaluation) -> Table:
    return Table(site_table(site_costs(block, setting, evaluation)), WHERE)
