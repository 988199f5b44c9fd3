"""Tests of what the bench measures with. `python3 -m pytest bench/tests`, after `make bench-programs`."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
