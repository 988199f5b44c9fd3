"""SVG plots of a run, by gnuplot."""


def draw(results, folder):
    return []
