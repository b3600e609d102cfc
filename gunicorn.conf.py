"""gunicorn's settings; it reads this file by itself."""

import os

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", os.cpu_count() or 2))
worker_class = "gthread"
threads = 8
# Longer than the slowest answer of Amazon's with its retries.
timeout = 60
preload_app = True
control_socket_disable = True
accesslog = "-"
