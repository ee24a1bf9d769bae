"""Whom to tell, what, and when to try again (pure); `receivers/` holds one channel a file."""
