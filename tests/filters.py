"""Strategies for filters, expressions in CloudEvents SQL, and attributes of events that often match."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["ATTRIBUTES", "CHAINS", "EXPRESSIONS", "FILTERS"]

_NAMES = st.sampled_from(["subject", "type", "source", "id", "n", "flag", "missing"])
_TEXTS = st.sampled_from(["a", "b", "ab", "5", "true", "TRUE"])

ATTRIBUTES = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": _TEXTS, "type": _TEXTS, "source": _TEXTS},
    optional={"subject": _TEXTS, "n": st.integers(-2, 6), "flag": st.booleans()},
)

_LITERALS = st.one_of(
    _TEXTS.map(repr), st.integers(-(2**31), 2**31 - 1).map(str), st.sampled_from(["true", "FALSE", "''", "'a%'"])
)
_PATTERNS = st.text("ab%_\\5", max_size=5).filter(lambda text: not text.endswith("\\")).map(lambda text: f"'{text}'")
_SIGNS = st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "AND", "or", "XOR"])
_FUNCTIONS = st.sampled_from(["LENGTH", "upper", "ABS", "INT", "BOOL", "STRING", "IS_INT", "IS_BOOL", "TRIM"])
_MANY = st.sampled_from(["CONCAT", "CONCAT_WS", "LEFT", "RIGHT", "SUBSTRING", "NOTHING"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(inner, min_size=1, max_size=3).map(", ".join)
    nots = st.sampled_from(["", "NOT "])
    return st.one_of(
        st.builds("{} {} {}".format, inner, _SIGNS, inner),
        st.builds("{} AND {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("{}{}".format, st.sampled_from(["NOT ", "-"]), inner),
        st.builds("{} {}LIKE {}".format, inner, nots, _PATTERNS),
        st.builds("{} {}IN ({})".format, inner, nots, lists),
        st.builds("{}({})".format, _FUNCTIONS, inner),
        st.builds("{}({})".format, _MANY, lists),
    )


_COMPARISONS = st.one_of(
    st.builds("{} = '{}'".format, _NAMES, _TEXTS),
    st.builds("'{}' = {}".format, _TEXTS, _NAMES),
    st.builds("{} IN ('{}', '{}')".format, _NAMES, _TEXTS, _TEXTS),
)
EXPRESSIONS = st.recursive(
    st.one_of(_NAMES, _LITERALS, _COMPARISONS, _NAMES.map("EXISTS {}".format)), _larger, max_leaves=8
)
"""Well-formed expressions, some with calls of unknown functions."""

_LOGIC = st.sampled_from([" AND ", " OR ", " XOR "])
CHAINS = st.recursive(
    _COMPARISONS,
    lambda inner: st.one_of(
        st.builds("{}{}{}".format, inner, _LOGIC, inner),
        st.builds("{}{}({})".format, inner, _LOGIC, inner),
        st.builds("{} = {}".format, inner, st.sampled_from(["true", "false", "'a'"])),
        st.builds("({}) = {}".format, inner, st.sampled_from(["true", "false", "'a'"])),
    ),
    max_leaves=5,
)
"""Comparisons with values that events have, joined by logical operators."""

_WANTED = st.dictionaries(_NAMES, _TEXTS, min_size=1, max_size=3)
_KNOWN = EXPRESSIONS.filter(lambda text: "NOTHING" not in text)
_LEAVES = st.one_of(
    st.fixed_dictionaries({"exact": _WANTED}),
    st.fixed_dictionaries({"prefix": _WANTED}),
    st.fixed_dictionaries({"suffix": _WANTED}),
    st.fixed_dictionaries({"sql": CHAINS}),
    st.fixed_dictionaries({"sql": st.builds("{} {} {}".format, _COMPARISONS, st.sampled_from(["AND", "OR"]), _KNOWN)}),
)
FILTERS = st.lists(
    st.recursive(
        _LEAVES,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=6,
    ),
    max_size=3,
)
"""Lists of filters; their SQL may call functions with a wrong number of arguments, which is refused."""
