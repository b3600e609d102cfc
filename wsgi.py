"""WSGI entry point, for gunicorn and `flask run`."""

from app import start

app = start()
