"""The runs of a study: sweep files, read as W&B reads them."""
