"""Pages and tables to text: one file for each format."""
