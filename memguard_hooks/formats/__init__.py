"""From text to nodes with positions: one reader a format, which knows no meaning."""
