"""Answers that hold for a while, from answers frame by frame."""
