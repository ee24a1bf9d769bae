"""Tests of monitor/scoring."""
