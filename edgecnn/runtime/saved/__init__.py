"""Sessions of `edgecnn live` that are kept frame by frame, and derived again."""
