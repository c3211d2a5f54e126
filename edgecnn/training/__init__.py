"""Training by recipe: small typed TOML files in, checkpoints with their whole history out."""
