"""The Python that hosts run, and what can be installed for it: wheels, builds from source, system libraries."""
