"""Time and memory of blocks and models on this device."""
