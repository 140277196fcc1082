"""What came out: tables, plots and pages from the records of finished runs."""
