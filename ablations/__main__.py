"""`python -m ablations` is `ablate`."""

import sys

from ablations.search_path import look_here_last

look_here_last()  # before anything else is imported
from ablations.cli import main  # noqa: E402

sys.exit(main())
