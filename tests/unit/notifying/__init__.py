"""Tests of monitor/notifying."""
