"""Runs carried out by a cluster: arrays of jobs under Slurm."""
