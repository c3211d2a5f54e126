"""A record's rhythms on its page: a ribbon along the time, and a table of what lasts how long."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from edgecnn.ecg.episodes import Rhythm
from edgecnn.ecg.parts import Part
from edgecnn.ecg.report_figures import clock
from edgecnn.ecg.rhythm_classes import RHYTHM_TITLES, is_af
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["rhythm_ribbon", "rhythm_table", "said_of_rhythm"]

_WIDTH, _HEIGHT = 1000, 20
_NORMAL = ("NSR", "N")
#: Colours for rhythms that are neither normal nor atrial fibrillation, the most frequent first.
_COLOURS = 5


def rhythm_ribbon(part: Part) -> str:
    """Draw which rhythm was found when; nothing where no rhythm model ran."""
    if part.score.rhythm is None or not part.episodes:
        return ""
    samples = max(episode.stop for episode in part.episodes)
    styles = _styles(part.score.rhythm.seconds)
    shapes: dict[str, list[str]] = {}
    for episode in part.episodes:
        left, right = (_WIDTH * at / samples for at in (episode.start, episode.stop))
        shape = f"M{left:.6g} 0h{right - left:.4g}v{_HEIGHT}h{left - right:.4g}z"
        shapes.setdefault(episode.label, []).append(shape)
    paths = "".join(
        f'<path class="{styles[label]}" d="{"".join(own)}"><title>{escape(label)}</title></path>'
        for label, own in shapes.items()
    )
    key = "".join(
        f'<span class="{styles[label]}">{escape(label)}</span>'
        for label in (*part.score.rhythm.seconds, UNKNOWN)
        if label in shapes
    )
    return (
        '<figure class="chart rhythm"><figcaption>Rhythm '
        f'{key}</figcaption><div class="plot"><svg viewBox="0 0 {_WIDTH} '
        f'{_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{escape(_told(part))}">'
        f"{paths}</svg></div></figure>"
    )


def rhythm_table(rhythm: Rhythm, duration_s: float) -> str:
    """Return the rhythms of a record with time, share and episodes, the longest first."""
    styles = _styles(rhythm.seconds)
    rows = "".join(
        f'<tr><td class="{styles[label]}">{escape(label)}</td><td class="text">'
        f"{escape(RHYTHM_TITLES.get(label, ''))}</td><td>{clock(seconds)}</td>"
        f"<td>{100 * seconds / rhythm.answered_s:.1f}</td><td>{rhythm.episodes[label]:,}</td></tr>"
        for label, seconds in rhythm.seconds.items()
    )
    if (unknown := duration_s - rhythm.answered_s) > 0.05:
        rows += (
            f'<tr><td class="{styles[UNKNOWN]}">{UNKNOWN}</td><td class="text">gap, flat, unsure, '
            f"or shorter than a fragment</td><td>{clock(unknown)}</td><td></td><td></td></tr>"
        )
    return (
        '<div class="scroll wide"><table class="measured rhythm"><thead><tr><th>rhythm</th>'
        '<th class="text"></th><th>time</th><th>%&nbsp;of&nbsp;answered</th><th>episodes</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def said_of_rhythm(rhythm: Rhythm | None) -> str:
    """Return a record's rhythm in the table of records: the longest, and the share of AF."""
    if rhythm is None:
        return ""
    share = ""
    if rhythm.af is not None and rhythm.af.burden_percent and not is_af(rhythm.main):
        share = f", AF {rhythm.af.burden_percent:.0f} %"
    if rhythm.main == UNKNOWN:
        return UNKNOWN
    most = 100 * rhythm.seconds[rhythm.main] / rhythm.answered_s
    return f"{escape(rhythm.main)} {most:.0f} %{share}"


def _styles(labels: Iterable[str]) -> dict[str, str]:
    """Return the style class of each label of a record."""
    styles, others = {UNKNOWN: "rh rh-unknown"}, 0
    for label in labels:
        if is_af(label):
            styles[label] = "rh rh-af"
        elif label in _NORMAL:
            styles[label] = "rh rh-normal"
        else:
            styles[label] = f"rh rh-{others % _COLOURS}"
            others += 1
    return styles


def _told(part: Part) -> str:
    rhythm = part.score.rhythm
    lengths = {} if rhythm is None else rhythm.seconds
    return "Rhythms: " + (", ".join(f"{x} {clock(s)}" for x, s in lengths.items()) or UNKNOWN)
