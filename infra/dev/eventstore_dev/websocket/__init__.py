"""API Gateway's WebSocket APIs with Lambda proxy integration, as far as PARITY.md says.

Importing the package imports none of it: `template` needs only what is declared.
"""
