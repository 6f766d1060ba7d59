"""Plots as SVG, drawn here: stacked bars without script or style of their own.  Beside each stands a table with the numbers."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 400, 170, 38, 18, 8


def draw_bars(names: Sequence[str], stacks: Sequence[Sequence[int]], title: str, most_text: str) -> Markup:
    """Draw a bar for each name; `stacks` has for each series a value for each bar, `most_text` tells the height of the top."""
    most = max((sum(values) for values in zip(*stacks, strict=True)), default=0) or 1
    width, height = (WIDTH - LEFT) / max(1, len(names)), HEIGHT - BOTTOM - TOP
    parts = [
        Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, title),
        Markup('<path d="M{0} {1}H{2}M{0} {3}H{2}"/>').format(LEFT, TOP, WIDTH, TOP + height),
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 4, TOP + 8, most_text),
        Markup('<text x="{}" y="{}" text-anchor="end">0</text>').format(LEFT - 4, TOP + height),
    ]
    every = -(-len(names) // 6)
    for number, name in enumerate(names):
        left, bottom = LEFT + number * width, float(TOP + height)
        for series, values in enumerate(stacks):
            if values[number]:
                tall = values[number] * height / most
                bottom -= tall
                parts.append(
                    Markup('<rect class="p{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                        series, left + width * 0.1, bottom, width * 0.8, max(tall, 0.5)
                    )
                )
        if number % every == 0:
            parts.append(Markup('<text x="{:.1f}" y="{}">{}</text>').format(left, HEIGHT - 4, name))
    return Markup("").join([*parts, Markup("</svg>")])
