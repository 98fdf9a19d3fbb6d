"""What the project runs and where: one reader a format, each giving services with their positions."""
