"""`python -m ablations` is `ablate`."""

import sys

from ablations.user_code import look_here_last

look_here_last()  # before anything else is imported
from ablations.cli import main  # noqa: E402

sys.exit(main())
