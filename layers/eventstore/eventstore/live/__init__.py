"""Live delivery: subscribing, dispatching turns, catching up, posting to clients, and the sweep that mends."""
