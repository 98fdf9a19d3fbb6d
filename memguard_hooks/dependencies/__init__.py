"""What the project declares: one reader a format, each giving requirements with their positions."""
