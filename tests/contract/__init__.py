"""What every implementation of a protocol promises, run against each backend."""
