"""Which hidden units of SE and CBAM are alive after a run of the cue study.

    python -m tests.hidden_units se:0 se:2 cbam:0 cbam:3     (block:seed; 35 CPU s each)

trains each run again, since weights are not kept, and prints for each hidden unit of the
block's MLP the share of validation scenes in which it is active.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.evidence import trained
from sweeps.study.sweep_file import load_study

CUE = Path(__file__).parents[1] / "sweeps" / "probe_cue.yaml"


def active_shares(config: RunConfig) -> list[float]:
    """For each hidden unit, the share of its inputs for which the ReLU passes."""
    data = create_data(config)
    module = trained(config, data)
    scores: list[Tensor] = []

    def note(layer: nn.Module, arguments: object, output: Tensor) -> None:
        scores.append(output.reshape(-1, output.shape[-1]))

    [layer] = [part for name, part in module.named_modules() if name.endswith(".reduce")]
    layer.register_forward_hook(note)
    with torch.no_grad():
        for images, _ in data.val_dataloader():
            module(images)
    shares: list[float] = (torch.cat(scores) > 0).double().mean(dim=0).tolist()
    return shares


if __name__ == "__main__":
    configs = {
        (run.config.block, run.config.seed): run.config for run in load_study(CUE).runs()
    }
    for name in sys.argv[1:]:
        block, _, seed = name.partition(":")
        shares = active_shares(configs[block, int(seed)])
        print(name, *(f"{share:.2f}" for share in shares))  # noqa: T201
