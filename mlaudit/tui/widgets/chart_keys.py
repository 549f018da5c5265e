"""The keys that change how a chart is drawn, for the chart itself and for a screen that has one."""

from __future__ import annotations

from textual.binding import Binding

_KEYS = (
    # keys, action, argument, id, shown as, tooltip
    ("L", "cycle_scale", "", "scale", "L", "Space the y axis evenly, by a logarithm, by a symmetric one"),
    ("X", "cycle_unit", "", "unit", "X", "Count x in steps, in time since the run began, or by the clock (UTC)"),
    ("E", "cycle_smoothing", "", "smooth", "E", "Smooth more and more; the raw curve stays behind"),
    ("plus,equals_sign", "zoom", "1", "zoom_in", "+", "Closer, around the cursor (or the mouse wheel)"),
    ("minus", "zoom", "-1", "zoom_out", "-", "Further away"),
    ("left_square_bracket", "pan", "-1", "pan_left", "[", "See what is further left (or drag the plot)"),
    ("right_square_bracket", "pan", "1", "pan_right", "]", "See what is further right"),
    ("0", "zoom_reset", "", "zoom_reset", "0", "See all of it again"),
)


def view_keys(*, from_screen: bool = False) -> list[Binding]:
    """The chart's own bindings; ``from_screen``: those of a screen, whose ``action_on_chart`` passes them on."""
    bindings = []
    for keys, action, argument, name, shown, tooltip in _KEYS:
        own = f"{action}({argument})"
        passed_on = f"on_chart('{action}'{', ' if argument else ''}{argument})"
        bindings.append(
            Binding(
                keys,
                passed_on if from_screen else own,
                show=False,
                key_display=shown,
                id=f"chart.{name}",
                tooltip=tooltip,
            )
        )
    return bindings
