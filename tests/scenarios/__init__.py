"""Scenarios: the default policy and the shipped libraries tried on made-up days, as users try theirs."""
