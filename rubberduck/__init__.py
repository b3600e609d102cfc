"""Everything that would stay true if Flask and Amazon changed."""
