"""From the public sets to the shipped weights: `python -m services.training`. The running service imports none of it."""
