"""Which calls do work as an app starts, and what each takes: data, processes, network, initializers and clients."""
