"""What changes streams: publishing to them, making them, changing their settings, deleting them."""
