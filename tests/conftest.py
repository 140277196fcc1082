"""Without a GPU, Triton's interpreter stands in for one, chosen before triton's import."""

import os

import torch

from tests.wandb_workplace import old_client, place  # noqa: F401, fixtures

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
