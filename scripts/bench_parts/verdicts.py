"""What was promised, and whether it was kept: said beside each figure, and told by the exit status in the end."""

_missed: list[str] = []


def verdict(keeps: bool, promise: str) -> str:
    """One word for the line of the figure. What was missed is remembered under the promise's name."""
    if not keeps:
        _missed.append(promise)
    return "kept" if keeps else "MISSED"


def missed() -> list[str]:
    return list(_missed)
