"""Facts about a running machine: cgroup, process tree, sizes, what is installed."""
