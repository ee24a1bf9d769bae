"""What keeps a process going, and ends it: who may work, on what, by which settings, and whether it still does."""
