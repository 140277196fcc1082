"""What a block does to a network before any training: promises kept, signal, gradients."""
