"""Which runs there are: sweep files, read as W&B reads them."""
