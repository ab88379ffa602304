"""HTTP below FastAPI: the connection, the fast lane, rows gathered into one run, bodies."""
