"""Live delivery: subscribing, the turns of partitions, catching up, posting to clients, and the sweep."""
