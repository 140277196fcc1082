"""Which runs exist, and how they are carried out: here, on a cluster, or under W&B."""
