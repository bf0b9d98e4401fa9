"""Adapters on services of AWS: queues in SQS, connections in API Gateway, secrets, targets of durable subscriptions."""
