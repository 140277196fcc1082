"""The complexity comparison of the PSA paper (arXiv 2107.00782), recounted."""
