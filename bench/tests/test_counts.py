"""Reading callgrind's dumps, and what is said of two counts."""
import pytest

from counts import grown, kept
from rig.counted import costs_of, tidy

DUMP = """# callgrind format
version: 1
events: Ir

ob=(1) /usr/bin/gatepost
fl=(1) a.c
fn=(1) on_request
10 100
+2 50
cob=(2) /lib/libc.so.6
cfi=(2) string.c
cfn=(2) memcpy
calls=3 20
* 700
fi=(3) inlined.h
5 7

ob=(2)
fl=(2)
fn=(2)
20 690
-1 10
fn=(3) memset.part.0
30 5
totals: 862
"""


def test_costs_are_a_functions_own(tmp_path):
    (tmp_path / "dump").write_text(DUMP)
    assert costs_of(tmp_path / "dump") == {
        ("gatepost", "on_request"): 157, ("libc.so.6", "memcpy"): 700, ("libc.so.6", "memset"): 5}


@pytest.mark.parametrize("name, plain", [("f.constprop.0", "f"), ("f.lto_priv.0.isra.1", "f"), ("f'2", "f"),
                                         ("memcpy@@GLIBC_2.14", "memcpy"), ("f_part", "f_part")])
def test_a_function_has_the_same_name_in_every_build(name, plain):
    assert tidy(name) == plain


def test_what_grew_is_named_the_most_first():
    before = kept({"a": {"x f": 100, "x g": 50}})["a"]
    now = kept({"a": {"x f": 110, "x g": 90, "x h": 5}})["a"]
    assert (before["instructions"], now["instructions"]) == (150, 205)
    assert grown(before, now) == ["+40 in x g", "+10 in x f", "+5 in x h"]
