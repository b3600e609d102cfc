"""Programs as people write them for the service; the tests change only their constants."""
