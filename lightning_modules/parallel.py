"""What Lightning is told about the processes of a run, which have already met."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from lightning_modules.devices import Team
from lightning_modules.ranks import PATIENCE, Company, size

SIZE = 256  # of an image that every network takes


class Met(ClusterEnvironment):
    """The processes of a team; the address is unused, for they are connected."""

    creates_processes_externally = True
    main_address, main_port = "", 0

    def __init__(self, team: Team) -> None:
        super().__init__()
        self.team = team

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.team.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        return self.team.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        return self.team.local_rank

    def node_rank(self) -> int:
        return self.team.machine


class Parallel(DDPStrategy):
    """DistributedDataParallel, told whether to look for parameters without a gradient."""

    def configure_ddp(self) -> None:
        network = self.lightning_module.model  # type: ignore[union-attr]
        unused = has_unused(network)  # type: ignore[arg-type]
        self._ddp_kwargs["find_unused_parameters"] = unused
        super().configure_ddp()


def has_unused(network: nn.Module) -> bool:
    """Whether some parameters may get no gradient: stages beyond encoder_depth, say.

    If unknown, True: then torch looks for them in each step, which takes time.
    """
    with suppress(Exception):
        copy = deepcopy(network).to("meta").eval()
        output = copy(torch.empty(2, 3, SIZE, SIZE, device="meta"))
        output.sum().backward()
        trained = [weight for weight in copy.parameters() if weight.requires_grad]
        return any(weight.grad is None for weight in trained)
    return True


def environment() -> ClusterEnvironment:
    """Who started the processes; Lightning starts none, even inside Slurm."""
    return Met(Company.team) if size() > 1 else LightningEnvironment()


def processes() -> dict[str, Any]:
    """Arguments of the trainer: a process for each device, or this one alone.

    The sampler already gives each process its share of a batch.
    """
    if size() == 1:
        return {"devices": 1}
    return {
        "devices": Company.team.devices,
        "num_nodes": Company.team.machines,
        "strategy": Parallel(timeout=PATIENCE),
        "use_distributed_sampler": False,
    }
