"""What is compared, what it costs, and how a result is written down."""
