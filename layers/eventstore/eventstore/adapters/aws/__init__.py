"""Adapters on services of AWS: queues, connections of API Gateway, targets of subscriptions, secrets."""
