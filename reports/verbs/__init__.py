"""The verbs of this floor; ablations/cli.py imports each by name."""
