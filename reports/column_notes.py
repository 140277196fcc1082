"""What the headers of a table's columns do not say, for the notes below it in a paper."""

from collections.abc import Sequence

from reports.page import Column

MEANINGS = {  # of columns, by name, as far as the header does not say it
    "miou_std": "std: sample standard deviation over seeds.",
    "gain": "Gain: mean over seeds of mIoU minus that of the baseline with the same seed, "
    "in percentage points.",
    "gain_low": "95 %: Student's t interval of the gain.",
    "gain_p": "p: exact two-sided sign-flip test of the gain, not corrected for the number "
    "of blocks.",
    "solved": "Solved: runs that carried an information of at least 0.9.",
    "low": "95 %: Clopper and Pearson's exact interval of the chance to solve.",
    "p": "p: Fisher's exact test against the baseline, two-sided.",
    "p_holm": "p (Holm): Fisher's exact test against the baseline, two-sided, corrected "
    "for all blocks.",
    "params": "Params: parameters of the whole network.",
    "macs_direct": "MACs: multiply-adds for one image, with blocks as published.",
    "macs": "MACs as run: multiply-adds for one image, as the runs computed blocks.",
}
MARKS = "Bold: best; underlined: second best, among the numbers as printed."


def notes(columns: Sequence[Column]) -> list[str]:
    shown = {column.name for column in columns}
    meanings = [text for name, text in MEANINGS.items() if name in shown]
    return meanings + ([MARKS] if any(column.best for column in columns) else [])
