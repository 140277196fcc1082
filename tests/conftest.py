"""Without a GPU, Triton's interpreter stands in for one, chosen before triton's import."""

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
