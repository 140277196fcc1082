"""Runs carried out on this machine, by worker processes."""
