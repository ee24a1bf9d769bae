"""Story -> Level, as pure functions: windows, policy, step(), and the desk that runs them over one partition of the log."""
