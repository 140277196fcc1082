"""What follows a convolution in these networks."""

from torch import nn


def norm_relu(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """The convolution with batch norm and ReLU."""
    norm = nn.BatchNorm2d(convolution.out_channels)
    return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))


def start_near_zero(network: nn.Module) -> None:
    """Initialise convolutions from N(0, 0.001), like the authors of the pose networks."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, std=0.001)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
