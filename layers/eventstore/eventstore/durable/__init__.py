"""Durable subscriptions: operators' use cases, their members', and what they do in a turn of a partition."""
