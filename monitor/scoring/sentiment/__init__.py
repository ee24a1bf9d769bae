"""Sentiment models: one protocol, one model a file."""
