"""`python -m rapyer_nb` is the command `rapyer-nb`."""

import sys

from rapyer_nb.cli import main

sys.exit(main())
