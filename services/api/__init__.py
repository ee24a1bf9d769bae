"""The HTTP API: one file a noun, the application in `app.py`, the server in `server.py`."""
