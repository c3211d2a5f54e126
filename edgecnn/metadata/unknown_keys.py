"""Hand-written documents: misspelt keys must not pass."""

from __future__ import annotations

from typing import Any

from edgecnn.errors import EdgeCNNError

__all__ = ["refuse_unknown"]


def refuse_unknown(
    raw: Any, known: Any, where: str, *, error: type[EdgeCNNError], whole: str, key: str = ""
) -> None:
    """Refuse keys of a hand-written document that its type does not have: typos must not pass.

    Parameters
    ----------
    raw : dict
        The document as parsed.
    known : dict
        What it became, as plain data: :func:`msgspec.to_builtins` of the struct.
    where : str
        The document's name, for the error's text.
    error : type
        What is raised.
    whole : str
        What the document is called in the hint: ``"a recipe"``.
    key : str
        Where in the document ``raw`` is, with dots.

    Examples
    --------
    >>> from edgecnn.errors import MetadataError
    >>> refuse_unknown({"epoch": 3}, {"epochs": 1}, "x", error=MetadataError, whole="it")
    Traceback (most recent call last):
    edgecnn.errors.MetadataError: x: unknown key 'epoch'
    """
    if not isinstance(raw, dict) or not isinstance(known, dict):
        return
    for name, value in raw.items():
        path = f"{key}.{name}" if key else name
        if name not in known:
            raise error(
                f"{where}: unknown key {path!r}",
                hint=f"{key or whole} has: {', '.join(k for k in known if k != 'kind')}",
            )
        refuse_unknown(value, known[name], where, error=error, whole=whole, key=path)
