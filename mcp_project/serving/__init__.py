"""What stands between the sockets and Django: gunicorn's worker, its connections, and the threads that run requests."""
