"""The pages of the documentation's site: those of the repository, and references that are made from the code."""
