"""One collector a file, one protocol. Recorded streams (`recording`) and push are here already; feeds follow."""
