"""Durable subscriptions: the use cases of operators and of members, and their part of a partition's turn."""
