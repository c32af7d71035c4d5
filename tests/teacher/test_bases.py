"""Base networks: their Gram matrices, and the law of rows on the sphere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.teacher import bases
from lintune.teacher.problem import problem, unit


def test_orthonormal_rows_are_orthonormal() -> None:
    np.testing.assert_array_equal(bases.orthonormal(3) @ bases.orthonormal(3).T, np.eye(3))


@settings(deadline=None, max_examples=20)
@given(width=st.integers(1, 8), part=st.floats(0.01, 0.99))
def test_equiangular_rows_have_one_cosine(width: int, part: float) -> None:
    least = -1 / max(width - 1, 1)
    cosine = least + part * (1 - least)
    gram = np.full((width, width), cosine)
    np.fill_diagonal(gram, 1)
    rows = bases.equiangular(width, cosine)
    np.testing.assert_allclose(rows @ rows.T, gram, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), rank=st.integers(1, 5))
def test_rows_of_a_gram_matrix_have_it_in_as_few_coordinates(seed: int, rank: int) -> None:
    rows = unit(np.random.default_rng(seed).standard_normal((6, rank)))
    found = bases.from_gram(rows @ rows.T)
    assert found.shape == (6, rank)
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, atol=1e-8)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), width=st.integers(2, 8))
def test_hiding_rows_become_orthogonal_by_the_change(seed: int, width: int) -> None:
    c = unit(np.random.default_rng(seed).standard_normal(width))
    rows = bases.hiding(c)
    teacher = np.concatenate([rows, c[:, None]], axis=1)  # w_i + c_i u
    np.testing.assert_allclose(teacher @ teacher.T, np.diag(1 + c**2), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-9)


def test_rows_of_the_sphere_have_the_law_of_its_cosines() -> None:
    random, dimension = np.random.default_rng(0), 7
    rows = np.stack([bases.sphere(3, dimension, random) for _ in range(4000)])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=-1), 1)
    cosines = np.stack([(rows[:, i] * rows[:, j]).sum(1) for i, j in ((0, 1), (0, 2), (1, 2))])
    # E t^2 = 1 / d and E t^4 = 3 / (d (d + 2)) for one of d coordinates of a point of the sphere.
    for power, expected in ((1, 0), (2, 1 / dimension), (4, 3 / (dimension * (dimension + 2)))):
        sample = cosines**power
        assert (np.abs(sample.mean(1) - expected) < 4.5 * sample.std(1) / 4000**0.5).all()
    product = cosines.prod(0)  # E <a, b> <a, c> <b, c> = 1 / d^2
    assert abs(product.mean() - dimension**-2) < 4.5 * product.std() / 4000**0.5


def test_as_many_rows_as_dimensions_fit() -> None:
    assert bases.sphere(3, 3, np.random.default_rng(0)).shape == (3, 3)
    given = problem("relu", 3, [5, 50], 1.0, base="sphere", instances=2)
    assert not np.allclose(given.rows[0], given.rows[1])


def test_what_is_no_base_is_refused() -> None:
    with pytest.raises(InputError, match="width=0 must be at least 1"):
        bases.orthonormal(0)
    for cosine in (-0.5, 1.0, -2.0):
        with pytest.raises(
            InputError, match=r"cosine=.* must be above -1 / \(k - 1\) and below 1 for width=3"
        ):
            bases.equiangular(3, cosine)
    with pytest.raises(InputError, match="dimension=2 must be at least the width, 3"):
        bases.sphere(3, 2, np.random.default_rng(0))
    for c in (np.ones(2), np.eye(2)):
        with pytest.raises(InputError, match=r"c of shape \(2.*\) must be a vector of norm 1"):
            bases.hiding(c)
    for gram in (np.ones(3), 2 * np.eye(2), np.array([[1, 0.5], [0, 1]])):
        with pytest.raises(InputError, match="must be symmetric with ones on its diagonal"):
            bases.from_gram(gram)
    with pytest.raises(InputError, match=r"gram has the eigenvalue -1\b.*; none may be negative"):
        bases.from_gram(np.array([[1.0, 2.0], [2.0, 1.0]]))
