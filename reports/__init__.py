"""What came out: tables, plots and pages from the records of finished runs.

Only the names in __all__ are public; anything else may change.
"""

from typing import TYPE_CHECKING

from ablations.exports import on_demand

__all__ = [
    "Comparison",
    "Report",
    "comparisons",
    "write_report",
]

if TYPE_CHECKING:
    from reports.comparison import Comparison, comparisons
    from reports.report import Report, write_report
else:
    __getattr__ = on_demand(
        __name__,
        {
            "Report": "reports.report",
            "Comparison": "reports.comparison",
            "comparisons": "reports.comparison",
            "write_report": "reports.report",
        },
    )
