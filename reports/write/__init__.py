"""Pages and tables as text: one file for each format."""
