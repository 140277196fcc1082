"""What came out: tables, plots and pages from the records of finished runs.

What __all__ names is public; anything else may change.
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
    from reports.report import Report, write_report
    from reports.tables import Comparison, comparisons
else:
    __getattr__ = on_demand(
        __name__,
        {
            "Report": "reports.report",
            "Comparison": "reports.tables",
            "comparisons": "reports.tables",
            "write_report": "reports.report",
        },
    )
