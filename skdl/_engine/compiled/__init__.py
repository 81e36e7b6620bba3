"""Compiled networks and their programs: what is traced, and where it is kept."""
