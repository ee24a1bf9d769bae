"""Score -> Story: which mentions of one subject belong to one happening. Pure: no I/O, no clock."""
