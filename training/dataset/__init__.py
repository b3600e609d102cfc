"""Photographs, backgrounds, composed scenes, augmentation, and the files they are kept in.

Imports rendering and props.
"""
