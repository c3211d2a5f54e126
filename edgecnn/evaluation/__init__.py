"""Metrics and their intervals: one implementation for training, quantizing and ``evaluate``."""
