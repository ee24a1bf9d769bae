"""The bench, in small."""
