"""Live delivery: subscribing, dispatching a partition's turns, catching up, posting to clients, and the sweep that makes up for what was missed."""
