"""Filters select events by their context attributes.

The dialects are those of the CloudEvents Subscriptions API 1.0, 3.2.4.
"""

from __future__ import annotations

from eventstore.filters.filter import EVERYTHING, Filter
from eventstore.filters.parameters import filter_of_parameters
from eventstore.filters.parsing import parse_filters, sql_filter

__all__ = ["EVERYTHING", "Filter", "filter_of_parameters", "parse_filters", "sql_filter"]
