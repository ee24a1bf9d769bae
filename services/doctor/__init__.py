"""`yuqing doctor`: how an installation is, looked at from beside it."""
