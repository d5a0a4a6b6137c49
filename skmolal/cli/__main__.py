"""``python -m skmolal.cli`` is the command ``skmolal``."""

import sys

from skmolal.cli._main import main

sys.exit(main())
