"""Looks at a frame before the network sees it, one kind of trouble per file."""
