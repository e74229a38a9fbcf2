import numpy as np
import pytest
from scipy.stats import false_discovery_control, ttest_1samp

from pluralens.errors import InputError
from pluralens.stats.component_effects import component_effects, twin_contrasts

RNG = np.random.default_rng(0)


def test_single_prompts_give_the_textbook_t_test() -> None:
    effects = RNG.normal(0.3, 1.0, (2, 3, 40))
    found = component_effects(effects)
    expected = ttest_1samp(effects, 0.0, axis=-1)
    interval = expected.confidence_interval(0.95)
    assert found.mean.shape == (2, 3) == found.significant.shape
    np.testing.assert_allclose(found.p, expected.pvalue)
    np.testing.assert_allclose(found.ci_low, interval.low)
    np.testing.assert_allclose(found.ci_high, interval.high)
    np.testing.assert_allclose(
        found.p_adjusted, false_discovery_control(expected.pvalue.ravel()).reshape(2, 3)
    )
    np.testing.assert_array_equal(found.significant, found.p_adjusted <= 0.05)
    assert (found.n_prompts, found.n_groups) == (40, 40)


def test_equal_groups_count_as_their_means() -> None:
    effects = RNG.normal(0.1, 1.0, (4, 12, 5)) + RNG.normal(0.0, 2.0, (4, 12, 1))
    groups = [f"g{index}" for index in range(12) for _ in range(5)]
    found = component_effects(effects.reshape(4, 60), groups)
    expected = ttest_1samp(effects.mean(axis=-1), 0.0, axis=-1)
    np.testing.assert_allclose(found.p, expected.pvalue)
    # Prompts of a group repeat each other: as 60 single ones they would look twice as certain.
    assert (component_effects(effects.reshape(4, 60)).se < found.se / 1.5).all()
    assert found.n_groups == 12


def test_the_family_is_all_components() -> None:
    effects = RNG.normal(0.0, 1.0, (8, 12, 30))
    effects[0, 0] += 0.55
    alone, together = component_effects(effects[0, 0]), component_effects(effects)
    assert float(alone.p) == pytest.approx(float(together.p[0, 0]))
    assert together.p_adjusted[0, 0] > 5 * alone.p_adjusted


def test_no_effect_and_too_few_groups() -> None:
    effects = np.zeros((2, 20))
    effects[1] = RNG.normal(5.0, 1.0, 20)
    found = component_effects(effects)
    assert found.p[0] == 1.0 and found.significant.tolist() == [False, True]
    few = component_effects(effects, ["a", "b", "c", "d"] * 5)
    assert np.isnan(few.p).all() and not few.significant.any() and np.isfinite(few.mean).all()


SHARES = {"smith": 5, "nurse": 90, "cook": 40, "clerk": 70, "judge": 50, "guide": 50, "spy": 10}
TWINS = {"smith": "nurse", "nurse": "smith", "cook": "clerk", "clerk": "cook"}
TWINS |= {"judge": "guide", "guide": "judge"}


def test_contrasts_of_twins_by_hand() -> None:
    groups = ["nurse", "smith", "smith", "cook", "clerk", "judge", "guide", "spy"]
    effects = np.array([[1.0, 4.0, 6.0, 2.0, 3.0, 9.0, 9.0, 9.0]])
    found = twin_contrasts(effects, groups, SHARES, TWINS)
    assert found.units == ((("cook", "clerk"),), (("smith", "nurse"),))
    np.testing.assert_allclose(found.values, [[(2 - 3) / 2, (5 - 1) / 2]])
    assert found.left_out == ("guide", "judge", "spy")


def test_what_all_prompts_have_in_common_cancels() -> None:
    groups = ["nurse", "smith", "cook", "clerk"] * 6
    effects = RNG.normal(0.0, 1.0, (3, 24))
    one, other = (
        twin_contrasts(effects + shift, groups, SHARES, TWINS).values for shift in (0.0, 100.0)
    )
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_pairs_that_share_a_word_are_one_unit() -> None:
    shares = {"mail man": 1, "fire man": 2, "fire chief": 3, "cook": 4}
    women = {"day nurse": 90, "dancer": 91, "ward sister": 92, "maid": 93}
    twins = dict(zip(shares, women, strict=True))
    twins |= {woman: man for man, woman in twins.items()}
    groups = [*shares, *women]
    found = twin_contrasts(np.arange(8.0), groups, {**shares, **women}, twins)
    # mail man - fire man - fire chief: linked although the first and the last share nothing.
    assert sorted(map(len, found.units)) == [1, 3]
    assert found.values.tolist() == [-2.0, -2.0]
    assert {pair for unit in found.units for pair in unit} == set(zip(shares, women, strict=True))


def test_false_positives_under_the_null_and_power() -> None:
    """Occupations differ, twins share nothing, no direction: 5 % of families have a finding."""
    rng = np.random.default_rng(1)
    names = [f"m{index}" for index in range(20)] + [f"w{index}" for index in range(20)]
    shares = {name: 10 if name[0] == "m" else 80 for name in names}
    twins = {f"m{index}": f"w{index}" for index in range(20)}
    twins |= {w: m for m, w in twins.items()}
    groups = [name for name in names for _ in range(4)]
    men = np.array([name[0] == "m" for name in groups])
    false = hits = 0
    for _ in range(300):
        effects = rng.normal(0.5, 1.0, (12, 40)).repeat(4, axis=1) + rng.normal(0, 1, (12, 160))
        null = component_effects(twin_contrasts(effects, groups, shares, twins).values)
        false += bool(null.significant.any())
        planted = component_effects(
            twin_contrasts(effects + 2.0 * men, groups, shares, twins).values
        )
        hits += bool(planted.significant.all())
    assert 4 <= false <= 27  # 15 expected, 99.9 % of the binomial
    assert hits > 250


def test_wrong_input_is_one_line() -> None:
    values = np.ones((2, 3))
    for call, words in (
        (lambda: component_effects(np.ones((2, 0))), "no prompts"),
        (lambda: component_effects(values, ["a", "b"]), "2 for 3 prompts"),
        (lambda: component_effects(values, level=1.0), "level: 1"),
        (lambda: component_effects(values, alpha=0.0), "alpha: 0"),
        (lambda: twin_contrasts(values, ["cook", "x", "cook"], SHARES, TWINS), "none for 'x'"),
        (lambda: twin_contrasts(values, ["cook", "spy", "cook"], SHARES, TWINS), "no two groups"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
