"""Where the blocks of a model lie, and what each of them costs."""

from ablations.attention.base import Evaluation
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting
from reports.columns import WHERE
from reports.cost_tables import site_table
from reports.sheets import Sheet


def where_sheet(block: str, setting: Setting, evaluation: Evaluation) -> Sheet:
    table = site_table(site_costs(block, setting, evaluation))
    return Sheet("where", table, WHERE)
