"""The server between sockets and Django: gunicorn's worker, its connections, and the threads that run requests."""
