"""What the tests in this folder share: they are for the guest, and are skipped elsewhere."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

inside_only = unittest.skipUnless(os.environ.get("PATCHCORD_VM"), "for the guest of tests/vm/run")
