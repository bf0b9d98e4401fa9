"""What a program needs that hosts the hub: requests over HTTP, the frames of WebSocket connections, and a Valkey.

The emulator and the server share it. It knows neither of them, nor the hub.
"""
