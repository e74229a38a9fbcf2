"""Attribution of all hook points in batches against batch 1, in one interleaved run on one core.

    python benchmarks/interp_attribution.py [--rounds 3] [--prompts 32] [--slow 1]

gpt2-small's shape with random weights; Winogender prompts with their twins in word tokens, of
unequal lengths. These take turns in every round, so that a busy moment hits all of them:

- ours: attribution patching of every head, MLP and residual stream of all prompts;
- ours, integrated gradients with 8 nodes (first round, 2 pairs, scaled);
- the reference: batch 1, hooks on the Hugging Face model, a clean run with its gradient and a
  corrupt run for every hook point and prompt, as research code does it;
- the careful reference: batch 1, but one clean run with its gradient and one corrupt run per prompt
  serve all hook points.

The references run `--slow` pairs per round (the first one 3 of the 36 hook points of each, drawn
anew) and are scaled: the cost per hook point is the same up to the depth of the backward pass, of
which early, middle and late layers are drawn in turn. Times are CPU-seconds of this process. Goals:
15 times the reference, scores equal to it to 1e-4 of the largest. Exit code 1 when missed. Needs
the extra `interp`; about a minute.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interp_scan import WordTokenizer, build, cpu

GOAL, AGREEMENT = 15.0, 1e-4
IG_PROMPTS = 2
LAYERS = 12
POINTS = [(layer, site) for layer in range(LAYERS) for site in ("z", "mlp_out", "resid_post")]


def minimal_pairs(checkpoint: Any, count: int) -> list[Any]:
    """Pairs spread over the data set, of unequal lengths."""
    from pluralens.interp.pairs import pair_up
    from pluralens.sentences.items import winogender_items
    from pluralens.sentences.winogender import load_winogender

    usable = pair_up(winogender_items(load_winogender("builtin")).items, checkpoint).usable
    step = max(1, len(usable) // count)
    return list(usable[::step][:count])


class Reference:
    """Batch 1, hooks on the model."""

    def __init__(self, model: Any, pairs: Sequence[Any]) -> None:
        self.model, self.pairs = model, pairs

    def run(self, prefix: Sequence[int], points: Sequence[tuple[int, str]], graph: bool) -> Any:
        """Logits at the last position and the activations at hook points."""
        import torch

        kept: dict[tuple[int, str], Any] = {}
        handles = []
        for point in points:
            layer, site = point
            block = self.model.transformer.h[layer]

            def before(module: Any, args: Any, point: Any = point) -> None:
                kept[point] = args[0]

            def after(module: Any, args: Any, output: Any, point: Any = point) -> None:
                kept[point] = output[0] if isinstance(output, tuple) else output

            handles.append(
                block.attn.c_proj.register_forward_pre_hook(before)
                if site == "z"
                else (block.mlp if site == "mlp_out" else block).register_forward_hook(after)
            )
        try:
            with torch.set_grad_enabled(graph):
                # Parameters ask for no gradients, so the graph has to begin somewhere.
                embedded = self.model.transformer.wte(torch.tensor([list(prefix)]))
                embedded.requires_grad_(graph)
                logits = self.model(inputs_embeds=embedded, use_cache=False).logits[0, -1]
        finally:
            for handle in handles:
                handle.remove()
        return logits, kept

    def scores(self, pair: Any, points: Sequence[tuple[int, str]]) -> dict[tuple[int, str], float]:
        """(clean - corrupt) . gradient at hook points, from one clean and one corrupt run."""
        import torch

        logits, clean = self.run(pair.clean.prefix, points, graph=True)
        _, corrupt = self.run(pair.corrupt.prefix, points, graph=False)
        metric = logits[pair.clean.a[0][0]] - logits[pair.clean.b[0][0]]
        grads = torch.autograd.grad(metric, [clean[point] for point in points])
        return {
            point: ((clean[point] - corrupt[point]) * grad).sum().item()
            for point, grad in zip(points, grads, strict=True)
        }

    def each_point_alone(
        self, pairs: Sequence[Any], points: Sequence[tuple[int, str]]
    ) -> list[dict[tuple[int, str], float]]:
        """The same with runs of its own for every hook point."""
        found = []
        for pair in pairs:
            alone: dict[tuple[int, str], float] = {}
            for point in points:
                alone |= self.scores(pair, [point])
            found.append(alone)
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--slow", type=int, default=1, help="prompts of the slow ways, per round")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    from pluralens.interp.attribution import attribute
    from pluralens.interp.checkpoint import adopt

    torch.set_num_threads(1)
    model = build("gpt2")
    checkpoint = adopt(model, WordTokenizer(), name="gpt2")
    pairs = minimal_pairs(checkpoint, options.prompts)
    lengths = [len(pair.clean.prefix) for pair in pairs]
    print(f"{len(pairs)} pairs of {min(lengths)}-{max(lengths)} tokens, {2 * sum(lengths)} in all")
    reference = Reference(model, pairs)
    seconds: dict[str, list[float]] = {key: [] for key in ("ours", "ig", "each", "careful")}
    worst = 0.0
    for turn in range(options.rounds):
        places = [(turn * options.slow + k) % len(pairs) for k in range(options.slow)]
        some = [pairs[k] for k in places]
        # One of the first, the middle and the last third of the hook points.
        points = [POINTS[5 * turn % 12 + 12 * third] for third in range(3)]
        took, ours = cpu(lambda: attribute(checkpoint, pairs))
        seconds["ours"].append(took)
        if not turn:
            few = pairs[:IG_PROMPTS]
            took, _ = cpu(lambda few=few: attribute(checkpoint, few, method="ig", ig_steps=8))
            seconds["ig"].append(took * len(pairs) / len(few))
        took, _ = cpu(lambda some=some, points=points: reference.each_point_alone(some, points))
        scale = len(pairs) / len(some)
        seconds["each"].append(took * scale * len(POINTS) / len(points))
        took, theirs = cpu(lambda some=some: [reference.scores(pair, POINTS) for pair in some])
        seconds["careful"].append(took * scale)
        by_site = {"z": ours.heads.sum(1), "mlp_out": ours.mlps, "resid_post": ours.resids}
        for place, scores in zip(places, theirs, strict=True):
            largest = max(map(abs, scores.values()))
            for (layer, site), score in scores.items():
                worst = max(worst, abs(float(by_site[site][layer, place]) - score) / largest)
    return report(seconds, worst)


def report(seconds: dict[str, list[float]], worst: float) -> int:
    middle = {key: statistics.median(values) for key, values in seconds.items()}
    print(
        f"CPU-s: ours {middle['ours']:.2f}; scaled from a sample: integrated gradients "
        f"{middle['ig']:.0f}, reference {middle['each']:.0f}, careful {middle['careful']:.1f}"
    )
    print(f"careful reference over ours: {middle['careful'] / middle['ours']:.1f}")
    ratio = middle["each"] / middle["ours"]
    for label, value, goal, met in (
        ("reference over ours", ratio, f">= {GOAL:g}", ratio >= GOAL),
        ("largest relative difference", worst, f"<= {AGREEMENT:g}", worst <= AGREEMENT),
    ):
        print(f"{label:30} {value:10.3g}  goal {goal}  {'' if met else 'MISSED'}")
    return int(ratio < GOAL or worst > AGREEMENT)


if __name__ == "__main__":
    sys.exit(main())
