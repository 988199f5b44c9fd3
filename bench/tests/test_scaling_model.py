"""bench/works/scaling_model.py, where the answer is known without it."""
import pytest

from works.scaling_model import BATCH_MAX, WORTHWHILE, Costs, Model

FREE = Costs(load=0.001, worker=0.003, lookup=0.001, batch=0.001, write=0.001, flush=0.001)


def near(value):
    return pytest.approx(value, rel=0.03)


def rate(kind, workers=1, cores=100, **costs):
    return Model(kind, FREE._replace(**costs), workers, cores).per_second(3000)


def test_one_worker_answers_as_fast_as_its_cost_allows():
    assert rate("me", worker=10) == near(100000)


def test_workers_with_cores_of_their_own_answer_in_proportion():
    assert rate("me", workers=4, worker=10) == near(400000)


def test_workers_that_share_cores_answer_no_more_than_these_can():
    assert rate("me", workers=8, cores=2, worker=10) == near(200000)


def test_the_load_takes_of_the_same_cores():
    assert rate("me", workers=8, cores=2, worker=10, load=10) == near(100000)


def test_one_store_bounds_any_number_of_workers():
    assert rate("signup", workers=8, lookup=20, write=30) == near(20000)


def test_a_long_flush_answers_all_that_came_meanwhile():
    """64 clients, each waits for the flush under way and for its own, or for its own alone."""
    assert 64 / 2000 * 1e6 * 0.97 <= rate("signup", flush=1000) <= 64 / 1000 * 1e6 * 1.03


def test_the_cost_of_a_batch_is_shared_by_its_writes():
    alone = Model("signup", FREE._replace(batch=100), 1, 100, clients=1).per_second(1000)
    assert alone == near(10000)
    assert 10000 * WORTHWHILE <= rate("signup", batch=100) <= 10000 * BATCH_MAX
