"""Several studies on one page: what each found, and every block in all."""
