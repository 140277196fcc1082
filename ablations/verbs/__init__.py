"""The verb of this floor; ablations/cli.py opens it by name."""
