"""The fork server: imports a harness once, and forks a worker for each job.

server.py, jobs.py and standby.py run IN THE CHILD; client.py, which to read first, worker_handle.py and the rest in the
parent. Imported by executor and engine.
"""
