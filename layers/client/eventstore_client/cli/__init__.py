"""The command line, `eventstore`: what it reads, writes and prints; the client does the rest."""
