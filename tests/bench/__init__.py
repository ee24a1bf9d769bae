"""Measurements, each against a simpler thing in the same run; every module prints one JSON object."""
