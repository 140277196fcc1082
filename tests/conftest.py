"""Without a GPU, use Triton's interpreter; it must be chosen before triton is imported."""

import os

import torch

from tests.wandb_workplace import old_client, place  # noqa: F401, fixtures

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
