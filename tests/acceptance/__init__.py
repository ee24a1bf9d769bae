"""Tests with real processes, real sockets, real files."""
