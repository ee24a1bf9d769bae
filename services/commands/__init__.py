"""The verbs of `yuqing`, one a module: each has a `command`, and services/cli.py lists them all."""
