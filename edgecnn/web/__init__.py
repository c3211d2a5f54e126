"""The one web server and its safety rules; pages that show a running program are built on it."""
