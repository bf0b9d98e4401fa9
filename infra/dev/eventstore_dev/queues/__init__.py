"""Amazon SQS, and Lambda's event source mappings for it, as far as PARITY.md says."""
