"""What the hub answers and sends, as types: builders return them, and both API documents are derived from them.

Only the documents import these modules at run time. What builds answers imports them for the type checker alone, so
pydantic's annotations cost a cold start nothing. The docstrings and descriptions are what clients read.
"""
