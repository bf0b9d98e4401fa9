"""Ports on Redis Streams: Valkey, Redis, ElastiCache. Each atomic step is a script in `lua/`, one folder per port."""
