"""One channel a file; what they promise stands in `base.py`."""
