"""Tables of the benchmark, as lines of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import binomtest

from benchmarks.promotions.guards import Pair, drawn_pairs, judged
from benchmarks.promotions.models import as_trained, equally_good, of_level
from benchmarks.promotions.pool import Pool
from benchmarks.promotions.rules import NEAR, Comparison, Gate, HigherScore, SingleComparison
from benchmarks.promotions.splits import Split
from benchmarks.promotions.years import IMPROVEMENT, Plan, Year, simulated
from seqtag.evaluation.prf import t_reach

N_DOCUMENTS = 316  # as in the test split of EWT
N_LARGE = 1800  # documents with which the gate finds IMPROVEMENT about half of the time
NOISE_OF_SEEDS = 0.0004  # recipe `default` on EWT: standard deviation of the accuracy over 5 seeds
N_SCREENED = 300
SEEDS_GATE = Gate(f"the gate, noise {NOISE_OF_SEEDS}", NOISE_OF_SEEDS)
CHALLENGERS = {"equally good": equally_good, "as trained": as_trained}


def described(pool: Pool) -> str:
    truths = 100 * pool.n_right / pool.n_tokens
    return (
        f"{len(truths)} models; true accuracy {truths.mean():.2f} % with a standard deviation of "
        f"{truths.std(ddof=1):.2f} on {pool.n_documents} documents of {pool.n_tokens:,} tokens"
    )


def screen(pool: Pool) -> str:
    """Check the shortcut: run the gate on comparisons for which it would just not be run."""
    found, promoted, seed = 0, 0, 0
    while found < N_SCREENED:
        random = np.random.default_rng([seed, 3])
        champion = equally_good(pool, random)
        level = champion.n_right + round(random.uniform(0, 0.008) * pool.n_tokens)
        challenger = of_level(pool, level, random)
        split, gate = Split.of(pool, N_DOCUMENTS, random), Gate()
        comparison = Comparison(split, challenger, champion, N_DOCUMENTS, 0, (), seed)
        seed += 1
        bound = t_reach(1 - gate.config.false_promotions / gate.config.horizon, N_DOCUMENTS, deviation=1.0)
        if 0.7 * NEAR * bound < comparison.standard_deviations < NEAR * bound:
            found += 1
            promoted += gate.decide(comparison).verdict == "PROMOTE"
    return f"of {found} comparisons just below {NEAR} of the bound, the gate promoted {promoted}"


def years(pool: Pool, *, n_years: int, processes: int) -> Iterator[str]:
    """Yield the comparison of the rules over years on one test split."""
    yield from _header()
    for what, challengers in CHALLENGERS.items():
        plan = Plan((HigherScore(), SingleComparison(), Gate()), challengers, N_DOCUMENTS)
        yield from _rows(what, plan, simulated(pool, plan, n_years, processes=processes))


def power(pool: Pool, *, n_years: int, processes: int) -> Iterator[str]:
    """Yield the power: a better challenger is offered on the first day and after the last."""
    yield from _header(power=True)
    for what, rules, n_documents in (
        ("equally good", (SEEDS_GATE, Gate()), N_LARGE),
        ("as trained", (SEEDS_GATE,), N_LARGE),
        ("equally good", (SingleComparison(),), N_DOCUMENTS),
    ):
        plan = Plan(rules, CHALLENGERS[what], n_documents, with_power=True)
        yield from _rows(what, plan, simulated(pool, plan, n_years, processes=processes))


def growth(pool: Pool, *, n_years: int, processes: int) -> Iterator[str]:
    """Yield the results for a test split that grows over the year."""
    yield from _header(power=True)
    for what, challengers in CHALLENGERS.items():
        plan = Plan((SEEDS_GATE,), challengers, N_LARGE, share_at_first=0.6, with_power=True)
        yield from _rows(what, plan, simulated(pool, plan, n_years, processes=processes))


def guards(pool: Pool, *, n_pairs: int, processes: int) -> Iterator[str]:
    """Yield the rates at which guardrails hold a retraining of the same configuration."""
    yield from (
        "| retraining noise | held by a guardrail | interval of a guardrail below 0 | promoted | rejected |",
        "| --- | --- | --- | --- | --- |",
    )
    models = range(len(pool.trainings))
    pairs = list(drawn_pairs(len(models), n_pairs, np.random.default_rng(0)))
    for what, retrainings in (("estimated from 20 runs", models), ("assumed", ())):
        found = judged(pool, pairs, n_documents=N_DOCUMENTS, retrainings=retrainings, processes=processes)
        counts = (
            sum(one.held_by_guard for one in found),
            sum(one.below_zero for one in found),
            *(sum(one.verdict == verdict for one in found) for verdict in ("PROMOTE", "REJECT")),
        )
        yield f"| {what} | {' | '.join(rate(count, n_pairs) for count in counts)} |"


def labels(pool: Pool, *, n_equal: int, processes: int) -> Iterator[str]:
    """Yield the decisions on models trained on relabelled nouns, against models of the pool."""
    yield from (
        "| trained on | higher score | promoted | rejected | held by a guardrail |",
        "| --- | --- | --- | --- | --- |",
    )
    equal = range(n_equal)
    kinds = sorted({(training.n_sequences, training.noise) for training in pool.trainings[n_equal:]})
    for n_sequences, noise in kinds:
        of_kind = [
            number
            for number, training in enumerate(pool.trainings)
            if (training.n_sequences, training.noise) == (n_sequences, noise)
        ]
        champions = np.random.default_rng(0).choice(n_equal, len(of_kind), replace=False)
        pairs = [
            Pair(challenger, int(champion), seed)
            for seed, (challenger, champion) in enumerate(zip(of_kind, champions, strict=True))
        ]
        found = judged(pool, pairs, n_documents=N_DOCUMENTS, retrainings=equal, processes=processes)
        counts = (
            sum(one.higher_score for one in found),
            *(sum(one.verdict == verdict for one in found) for verdict in ("PROMOTE", "REJECT")),
            sum(one.held_by_guard for one in found),
        )
        what = f"{n_sequences:,} sequences, {100 * noise:.0f} % of NOUN relabelled as PROPN"
        yield f"| {what} | {' | '.join(rate(count, len(found)) for count in counts)} |"


def rate(k: int, n: int) -> str:
    """Return a share with its 95 % interval (Clopper and Pearson 1934)."""
    interval = binomtest(k, n).proportion_ci(0.95)
    return f"{k} of {n}: {100 * k / n:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _header(*, power: bool = False) -> list[str]:
    names = [
        *("challengers", "test documents", "rule", "years with a false promotion", "promotions per year"),
        *("held by guardrails per year", "optimism at the end", "gained"),
        *([f"+{100 * IMPROVEMENT:.1f} promoted on day 1", "after day 365"] if power else []),
    ]
    return [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]


def _rows(what: str, plan: Plan, years: Sequence[Sequence[Year]]) -> list[str]:
    sizes = [f"{n:,}" for n in (plan.arrived(0), plan.n_documents)]
    size = sizes[1] if sizes[0] == sizes[1] else " to ".join(sizes)
    rows = []
    for rule, of_rule in zip(plan.rules, years, strict=True):
        n = len(of_rule)
        cells = [
            *(what, size, rule.name),
            rate(sum(year.false_promotions > 0 for year in of_rule), n),
            f"{np.mean([year.promotions for year in of_rule]):.2f}",
            f"{np.mean([year.held_by_guards for year in of_rule]):.2f}",
            _mean([year.optimism for year in of_rule]),
            _mean([year.gained for year in of_rule]),
        ]
        if plan.with_power:
            cells += [rate(sum(year.found[when] for year in of_rule), n) for when in (0, 1)]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _mean(fractions: Sequence[float]) -> str:
    """Return the mean in points, with its standard error."""
    error = float(np.std(fractions, ddof=1)) / len(fractions) ** 0.5
    return f"{100 * float(np.mean(fractions)):+.2f} ± {100 * error:.2f}"
