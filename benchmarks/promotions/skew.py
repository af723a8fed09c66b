"""False promotions if a challenger fails on a rare kind of document and is slightly better on all others.

    python -m benchmarks.promotions.skew [--samples 40000]

Both models have the same true score. A document has 20 tokens, of which the models get 17 right on average;
on a document of the rare kind the challenger loses 10 of them, on the others it gains what makes up for that.
"""

from __future__ import annotations

import argparse

import numpy as np

from seqtag.config import GateConfig
from seqtag.evaluation.prf import t_reach
from seqtag.gate.skewness import lower_reach, unit_skewness

N_TOKENS, LOST = 20, 10
SPREAD = (1.0, 0.3)  # tokens by which the models differ on a document, standard deviation


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=40_000, help="test splits for each row")
    n_samples = parser.parse_args().samples
    gate = GateConfig()
    level = gate.false_promotions / gate.horizon
    print(f"false promotions; in brackets, as a multiple of the error level of {level:.4%}")
    print("| test documents | share of the rare kind | spread | Student's t | corrected | bound wider by |")
    print("|" + " --- |" * 6)
    for n_documents in (100, 316, 1800):
        for share in (0.0, 0.005, 0.02, 0.1):
            for spread in SPREAD:
                of_t, corrected, wider = passed(n_documents, share, spread, level=level, n_samples=n_samples)
                rates = [f"{k / n_samples:.3%} ({k / n_samples / level:.1f})" for k in (of_t, corrected)]
                cells = (f"{n_documents:,}", f"{share:.1%}", f"{spread:g}", *rates, f"{wider:.1%}")
                print(f"| {' | '.join(cells)} |", flush=True)


def passed(
    n_documents: int, share: float, spread: float, *, level: float, n_samples: int
) -> tuple[int, int, float]:
    """Count the samples whose lower bound is above 0: by Student's t, and by the gate's bound.

    The third number is the mean width of the gate's bound over that of Student's t, minus 1.
    """
    random = np.random.default_rng([n_documents, round(1000 * share), round(10 * spread)])
    gain = share * LOST / (1 - share)
    n_t, n_corrected, wider = 0, 0, 0.0
    for _ in range(n_samples):
        is_rare = random.random(n_documents) < share
        difference = np.where(is_rare, -LOST, gain) + random.normal(0, spread, n_documents)
        champion = np.stack([np.full(n_documents, 17.0), np.full(n_documents, float(N_TOKENS))], axis=1)
        challenger = champion + np.stack([difference, np.zeros(n_documents)], axis=1)
        mean, error = difference.mean(), difference.std(ddof=1) / n_documents**0.5
        reach = t_reach(1 - level, n_documents, deviation=error)
        skewness = unit_skewness(challenger, champion)
        of_gate = lower_reach(1 - level, n_documents, deviation=error, skewness=skewness)
        n_t += mean > reach
        n_corrected += mean > of_gate
        wider += of_gate / reach - 1
    return n_t, n_corrected, wider / n_samples


if __name__ == "__main__":
    main()
