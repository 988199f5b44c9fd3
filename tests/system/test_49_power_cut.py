"""A few power cuts of the whole server, and a control that must lose people; tests/powercut has the
rig, and `make powercut` the long form."""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("powercut", "chaos")]

import disks  # noqa: E402
from cuts import cut_power  # noqa: E402
from segment import open_points  # noqa: E402

pytestmark = pytest.mark.points


@pytest.fixture(scope="module")
def disk(module_servers):
    open_points(module_servers().pid).close()
    reason = disks.why_not()
    if reason:
        pytest.skip(reason)
    with disks.Disks() as made:
        yield made


def test_what_was_acknowledged_is_there_after_a_power_cut(disk):
    found = cut_power(disk, seed=1, cuts=3)
    assert found.acknowledged and not found.lost and not found.complaints, found.complaints


def test_a_disk_whose_fsync_lies_loses_what_was_acknowledged(disk):
    found = cut_power(disk, seed=1, cuts=2, lies=True)
    assert found.lost, f"{len(found.acknowledged)} acknowledged and nobody lost: the rig proves nothing"
