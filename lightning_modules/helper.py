"""One further process of a run: it trains, and the first process keeps the files."""

import pickle
import sys
import time

import torch
from torch._C._distributed_c10d import TCPStore

from ablations.records import RunRecord
from ablations.run_folder import RunFolder
from lightning_modules.execution import Execution
from lightning_modules.failure import note_error
from lightning_modules.helpers import HOST, Order, ready
from lightning_modules.interrupts import Interrupted, Interrupts
from lightning_modules.machine import device_kind
from lightning_modules.ranks import connected, is_lost_connection
from lightning_modules.trainer import quiet
from lightning_modules.training import train_or_restart
from lightning_modules.wandb_mirror import Mirror

HEAD_START = 2.0  # seconds in which the first process records an error that all have


def help_out() -> int:
    """Carry out the order on standard input; the exit code."""
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301, of the first process
    torch.set_num_threads(order.threads)
    store = TCPStore(HOST, order.port, is_master=False)
    store.set(ready(order.team.rank), "")
    kind = device_kind(order.execution.accelerator)
    try:
        with connected(order.team, kind, store):
            train_along(order.folder, order.execution)
    except Interrupted as stop:
        return stop.exit_code
    except Exception:  # the first process says it
        return 1
    return 0


def train_along(folder: RunFolder, execution: Execution) -> RunRecord:
    """Train as any process but the first; the record is returned and not written."""
    silent = execution.model_copy(update={"progress_bar": False})
    before = folder.failures()
    with quiet(), Interrupts() as interrupts:
        try:
            mirror = Mirror(folder, "disabled")
            return train_or_restart(folder, silent, None, mirror, interrupts)
        except Exception as error:
            if not is_lost_connection(error):
                time.sleep(HEAD_START)
                if folder.failures() == before:
                    note_error(folder, error)
            raise
