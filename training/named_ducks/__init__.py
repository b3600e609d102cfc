"""Rendered photographs of single ducks: to fit, to tune and to judge "Which duck is it?"."""
