"""Which runs exist: sweep files in W&B's format, and the runner that needs no server."""
