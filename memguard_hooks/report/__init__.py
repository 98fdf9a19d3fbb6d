"""How a report is written: each format is one module with `render(report) -> str`."""
