"""The face networks that ship, made from the packages that carry them; `make faces`."""
