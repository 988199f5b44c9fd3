"""What h2load prints, as it is read."""
import pytest

from rig.h2load import parsed

PRINTED = """finished in 2.01s, 1000.00 req/s, 273.44KB/s
requests: 2000 total, 2010 started, 2000 done, %d succeeded, %d failed, %d errored, 0 timeout
status codes: %d 2xx, 0 3xx, %d 4xx, 0 5xx
traffic: 546.88KB (560000) total, 15.62KB (16000) headers (space savings 94.12%%), 500.00KB (512000) data
                     min         max         mean         sd        +/- sd
time for request:      200us      9.12ms    %s      1.00ms    90.00%%
time for connect:      100us      1.12ms       500us       100us    90.00%%
"""


@pytest.mark.parametrize("mean, mean_ms", [("1.50ms", 1.5), ("750us", 0.75), ("1.20s", 1200)])
def test_a_mean_is_in_milliseconds_whatever_its_unit(mean, mean_ms):
    assert parsed(PRINTED % (2000, 0, 0, 2000, 0, mean)) == {
        "requests_per_second": 1000, "mean_ms": mean_ms, "errors_count": 0}


def test_a_refusal_is_an_error_and_no_request_that_was_answered_well():
    found = parsed(PRINTED % (1500, 500, 0, 1500, 500, "1.50ms"))
    assert (found["requests_per_second"], found["errors_count"]) == (750, 500)


def test_what_has_no_status_is_an_error():
    assert parsed(PRINTED % (1900, 100, 100, 1900, 0, "1.50ms"))["errors_count"] == 100
