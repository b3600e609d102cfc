"""How the embedded detector is made: rendered ducks on real photographs, and a small net."""
