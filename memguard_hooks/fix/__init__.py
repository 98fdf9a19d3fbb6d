"""Everything that rewrites files."""
