"""The processes: what starts, wires, serves and stops. Everything here may read the clock, the environment and the network."""
