"""The card of a block: one page about it beside its peers."""
