"""Adapters on Kafka. They need the extra `kafka`."""
