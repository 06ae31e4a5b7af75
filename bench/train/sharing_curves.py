"""Draws the losses with shared prefixes on those without: `python bench/train/sharing_curves.py`.

For each ratio of prompt to answer the same pairs are trained from the same model and seed with two rows a pair, as TRL
has them, and with shared prefixes. The picture is docs/pictures/prefix-sharing-losses.svg; the largest difference of a
loss is printed for each ratio.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.train.prefix_sharing import trainer  # noqa: E402  (loads no torch)
from bench.train.ratio_pairs import RATIOS, Bench, make_model  # noqa: E402

PICTURE = ROOT / "docs" / "pictures" / "prefix-sharing-losses.svg"
NAMES = {"equal": "two rows a pair (TRL)", "shared": "shared prefixes"}
WIDTH, HEIGHT, CAPTION = 360, 220, 44
"""Width and height of one chart, and height of the caption above it, in SVG units."""
STYLE = (
    "text{font:12px sans-serif;fill:#333} .grid{stroke:#ddd} polyline{fill:none} rect{fill:#fff} "
    ".c0{stroke:#0a6;stroke-width:6} .c1{stroke:#000;stroke-width:1.5} .k0{fill:#0a6} .k1{fill:#000}"
)


def losses(bench: Bench, ratio: float, vocabulary: int, kind: str) -> list[float]:
    """The loss of each step."""
    made = trainer(bench, bench.rows(ratio, vocabulary), kind, "full")
    made.train()
    return [row["loss"] for row in made.state.log_history if "loss" in row]


def picture(curves: dict[float, dict[str, list[float]]]) -> str:
    """An SVG with a chart for each ratio, side by side."""
    from dpojob_trainer.training.export.svg_chart import chart

    parts = []
    for number, (ratio, by_kind) in enumerate(curves.items()):
        drawn = str(chart("Loss", {
            NAMES[kind]: [(float(step), loss) for step, loss in enumerate(found, 1)]
            for kind, found in by_kind.items()
        }))  # fmt: skip
        lines = drawn[drawn.index("<svg") : drawn.index("</figure>")]
        legend = "".join(
            f'<tspan class="k{place}" dx="8">{NAMES[kind]}</tspan>'
            for place, kind in enumerate(by_kind)
        )
        left = number * WIDTH
        parts.append(
            f'<text x="{left + 46}" y="16">Loss by step, prompt to answer {ratio} to 1</text>'
            f'<text x="{left + 38}" y="34">{legend}</text>'
            + lines.replace(
                "<svg", f'<svg x="{left}" y="{CAPTION}" width="{WIDTH}" height="{HEIGHT}"'
            )
        )
    size = f"{WIDTH * len(curves)} {HEIGHT + CAPTION}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%"/>{"".join(parts)}</svg>\n'
    )


def main() -> int:
    """Train and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--hidden", type=int, default=64, help="elements of the hidden state")
    parser.add_argument("--vocabulary", type=int, default=500)
    arguments = parser.parse_args()
    from bench.train.silence_output import silence_output

    curves: dict[float, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary), arguments.steps, ragged=True)
        make_model(bench.directory / "model", arguments.vocabulary, arguments.hidden)
        for ratio in RATIOS:
            curves[ratio] = {
                kind: silence_output(partial(losses, bench, ratio, arguments.vocabulary, kind))
                for kind in NAMES
            }
            apart = max(abs(a - b) for a, b in zip(*curves[ratio].values(), strict=True))
            print(f"r {ratio}: {arguments.steps} steps, losses at most {apart:.0e} apart")
    PICTURE.write_text(picture(curves))
    return 0


if __name__ == "__main__":
    sys.exit(main())
