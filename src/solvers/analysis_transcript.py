"""What a person who browses a log sees of an analysis: a picture, a table, where the items went."""

import base64
import io
import math
from typing import TYPE_CHECKING, Any

from pluralens.scorers.analysis_results import AnalysisResults

if TYPE_CHECKING:
    from pluralens.solvers.analyses.findings import Findings

__all__ = ["heatmap_uri", "written_report"]

MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*[]<>|#$~"})


def heatmap_uri(found: "Findings") -> str | None:
    """The analysis's figure as a PNG in a data URI; None if it draws none."""
    if found.figure is None:
        return None
    from pluralens.viz.style import themed

    buffer = io.BytesIO()
    with themed("light"):
        # Without the software's name the same numbers are the same bytes.
        found.figure().savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def written_report(results: AnalysisResults) -> tuple[str, str]:
    """Markdown: heading with the summary; then the largest components and where the items went."""
    heading = f"**{results.analysis} of {_plain(results.unit)}**\n\n{_plain(results.summary)}"
    parts = [_table(results.top)] if results.top else []
    rows = [
        {"items": name, "number": count}
        for name, count in results.counts.items()
        if count or name in ("source", "used")
    ]
    rows += [{"items": f"unusable: {why}", "number": n} for why, n in results.reasons.items()]
    rows += [{"items": f"not compared: {why}", "number": n} for why, n in results.left_out.items()]
    parts.append(_table(rows))
    return heading, "\n\n".join(parts)


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0])
    lines = [" | ".join(name.replace("_", " ") for name in columns)]
    lines.append(" | ".join("---" for _ in columns))
    lines += [" | ".join(_cell(row[name]) for name in columns) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "n/a" if math.isnan(value) else f"{value:.4g}"
    return _plain(str(value))


def _plain(text: str) -> str:
    """Text that markdown shows as it is; names of checkpoints and data come from anywhere."""
    return " ".join(text.split()).translate(MARKUP)
