r"""CloudEvents SQL 1.0.0: expressions over the context attributes of an event.

A lexer, a Pratt parser and a compiler to closures. Section numbers refer to the specification. Where it leaves choices:

- An upper-case identifier names the attribute in lower case, as in its test kit (`EXISTS SOURCE`).
- Arithmetic beyond 32 bits is a math error with the value 0, which 3.3 asks for where no value is obvious.
- `IS_INT` and `IS_BOOL` of its drafts are supported, beside `INT`, `BOOL` and `STRING`, whose casts 3.7 refers to.
- `\'` and `\"` are the only escapes in strings (2.2), `\%` and `\_` the only ones in patterns (3.4.3).
- Expressions are at most 8 KiB long and nested 64 deep; strings that CONCAT would make longer than 1 Mi characters
  are function errors.
"""

from __future__ import annotations

from eventstore.filters.cesql.expression import Evaluation, Expression, parse
from eventstore.filters.cesql.values import Failure, Kind

__all__ = ["Evaluation", "Expression", "Failure", "Kind", "parse"]
