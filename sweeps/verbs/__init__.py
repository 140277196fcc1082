"""The verbs of this floor; ablations/cli.py opens each by name."""
