"""The verbs of sweeps; ablations/cli.py imports each by name."""
