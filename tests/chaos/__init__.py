"""
Chaos: the service killed and held still again and again while it works, then its whole history held against the log decided once more.

    python -m tests.chaos --bus sqlite --kills 20 --seed 1
"""
