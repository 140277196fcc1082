"""Where the blocks of a model lie, and what each of them costs."""

from ablations.attention.base import Evaluation
from ablations.complexity.costs import landing_costs
from ablations.complexity.model_cost import Setting
from reports.columns import WHERE
from reports.sheets import Sheet


def where_sheet(block: str, setting: Setting, evaluation: Evaluation) -> Sheet:
    return Sheet("where", landing_costs(block, setting, evaluation), WHERE)
