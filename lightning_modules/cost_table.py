"""The cost of a run's network as a file that W&B shows."""

import csv
import io
from pathlib import Path

from ablations.records import RunRecord
from ablations.whole_file import write_whole


def write_cost(record: RunRecord, path: Path) -> None:
    """Write one row per block, and one for the whole network."""
    from ablations.bare_models import BareModel
    from ablations.complexity.site_costs import SiteCost, site_costs
    from ablations.complexity.subjects import Setting

    config, size = record.config, (record.config.image_size,) * 2
    bare = BareModel(config.model, config.encoder, len(record.iou))
    setting = Setting(bare, config.placement, size)
    costs = site_costs(config.placed_block, setting, config.evaluation)
    macs = f"not counted: {record.not_counted}" if record.macs is None else record.macs
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(SiteCost._fields)
    for place, channels, *numbers in costs:
        table.writerow([place, float(channels), *numbers])  # a float, as in older files
    table.writerow(["(whole network)", None, None, record.params, macs])
    write_whole(path, text.getvalue().encode())
