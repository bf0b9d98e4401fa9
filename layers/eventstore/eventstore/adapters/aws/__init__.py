"""Adapters on services of AWS: queues in SQS, connections in API Gateway, targets of durable subscriptions."""
