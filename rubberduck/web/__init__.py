"""What every HTTP request passes through: sessions, CSRF, headers, limits, errors, logs.

May import: core to services.
"""
