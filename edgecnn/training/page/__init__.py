"""The page of a running training: what it shows of the network, and its controls."""
