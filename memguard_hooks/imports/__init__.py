"""What Python files import, and when: a lexical scan, the proof by libcst, resolution, and the walk."""
