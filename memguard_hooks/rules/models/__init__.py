"""Models that do not fit into the memory of a host, or take more of it than they need to."""
