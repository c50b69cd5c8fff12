"""Draws a line chart as SVG: both axes logarithmic, a label at the end of each line."""

import math

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 44, 52
COLOURS = ["#2563c9", "#c2410c", "#15803d", "#7e22ce", "#a16207"]


def short(number):
    """1500000 as 1.5M."""
    for unit, name in [(1e9, "G"), (1e6, "M"), (1e3, "k")]:
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def ticks(low, high):
    """Powers of ten, and their doubles and quintuples where these would be few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = [1] if len(powers) > 4 else [1, 2, 5]
    values = [step * 10.0 ** power for power in powers for step in steps]
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


def draw(path, title, x_name, y_name, series):
    """Writes the chart. `series`: by name, points (x, y), all above 0."""
    series = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return False
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    low_x, high_x = min(xs), max(max(xs), min(xs) * 1.01)
    low_y, high_y = min(ys) / 1.5, max(ys) * 1.5

    def place_x(x):
        share = (math.log(x) - math.log(low_x)) / (math.log(high_x) - math.log(low_x))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def place_y(y):
        share = (math.log(y) - math.log(low_y)) / (math.log(high_y) - math.log(low_y))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#222">',
        f'<title>{title}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{title}</text>',
    ]
    for value in ticks(low_x, high_x):
        x = place_x(value)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(value)}</text>')
    for value in ticks(low_y, high_y):
        y = place_y(value)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{x_name}</text>')
    half = (TOP + HEIGHT - BOTTOM) / 2
    out.append(f'<text transform="translate(16 {half}) rotate(-90)" text-anchor="middle">{y_name}</text>')
    used = []
    ends = sorted(series.items(), key=lambda item: -item[1][-1][1])
    for colour, (name, points) in zip(COLOURS, ends):
        line = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in points:
            out.append(f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" fill="{colour}"/>')
        y = place_y(points[-1][1]) + 4
        # Labels that would lie on each other go below each other.
        while any(abs(y - other) < 14 for other in used):
            y += 14
        used.append(y)
        out.append(f'<text x="{place_x(points[-1][0]) + 8:.1f}" y="{y:.1f}" fill="{colour}">{name}</text>')
    out.append("</svg>\n")
    with open(path, "w") as file:
        file.write("\n".join(out))
    return True
