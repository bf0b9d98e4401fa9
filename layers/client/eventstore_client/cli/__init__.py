"""The command line `eventstore`: its arguments, input files and output."""
