"""The terminal: what the verbs of `yuqing` are made of, ask, and show to a person."""
