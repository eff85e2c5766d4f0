import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from helpers import pool_of

from sklearn_mrtl.core import threads
from sklearn_mrtl.core.threads import NUMBERS_PER_THREAD, RUNNING, computing, idle_processors, useful_threads


@pytest.fixture(autouse=True)
def three_threads():
    """Let this test's Python thread and those to come have three threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_most_operations_can_use_one_thread_and_large_ones_all_there_are(monkeypatch):
    monkeypatch.setattr(threads, "idle_processors", lambda: 8)
    assert useful_threads(1000, 64) == 1
    assert useful_threads(10 * NUMBERS_PER_THREAD, 64) == 10
    assert useful_threads(10**12, 8) == 8
    assert useful_threads(10**12) == 3
    monkeypatch.setattr(threads, "idle_processors", lambda: 2)
    assert useful_threads(10**12) == 2


@pytest.mark.parametrize("n_running, idle", [(1, 4), (2, 3), (4, 1), (30, 1)])
def test_processors_that_other_programs_use_are_not_idle(tmp_path, n_running, idle):
    (tmp_path / "loadavg").write_text(f"0.20 0.18 0.12 {n_running}/80 11206\n")
    assert idle_processors(tmp_path / "loadavg", 4) == idle
    assert idle_processors(tmp_path / "absent", 4) == 4


@pytest.mark.skipif(not RUNNING.exists(), reason="this system does not tell how many threads run")
def test_this_system_tells_how_many_threads_run():
    assert 1 <= idle_processors() <= os.cpu_count()


def test_the_number_is_put_back_also_after_an_error_and_when_nested():
    with computing(1):
        assert torch.get_num_threads() == 1
        with computing(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(KeyError), computing(1):
        raise KeyError
    assert torch.get_num_threads() == 3


def test_other_threads_keep_their_number():
    """One that used torch before, and one that begins while the number is another."""
    go, done = threading.Event(), threading.Event()

    def old_thread():
        first = torch.get_num_threads()
        go.set()
        done.wait(10)
        return first, torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(old_thread)
        assert go.wait(10)
        with computing(1):
            assert in_new_thread(torch.get_num_threads) == 3
            done.set()
            assert old.result() == (3, 3)
    assert in_new_thread(torch.get_num_threads) == 3


def test_many_threads_at_once_each_get_their_own_number_back():
    def work(n_threads):
        found = [torch.get_num_threads()]
        for _ in range(20):
            with computing(n_threads):
                found.append(torch.get_num_threads() == n_threads or -1)
            found.append(torch.get_num_threads())
        return {number for number in found if number is not True}

    with pool_of(8) as pool:
        assert set().union(*pool.map(work, [1, 2, 1, 2, 1, 2, 1, 2])) == {3}
    assert in_new_thread(torch.get_num_threads) == 3
