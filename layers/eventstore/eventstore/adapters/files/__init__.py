"""Adapters that keep what they store in files."""
