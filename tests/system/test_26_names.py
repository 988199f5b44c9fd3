"""Names and addresses: what looks like an account that is there, and what is no text at all."""
import pytest

from client import Api, unique

USERNAME_BAD = ["Enter a valid username. This value may contain only letters, numbers, and "
                "@/./+/-/_ characters."]
USERNAME_TAKEN = ["A user with this username already exists."]
EMAIL_TAKEN = ["A user with this email already exists."]


@pytest.fixture(scope="module")
def strict(module_servers):
    """Calls of a server that refuses mixed scripts."""
    calls = Api(module_servers({"username.single_script": "yes"}).address)
    yield calls
    calls.close()


# (name, what is tried as well, "taken" or "bad"); # stands for something unique
LOOK_ALIKES = [
    ("admin#", "ADMIN#", "taken"),
    ("admin#", "\uff41\uff44\uff4d\uff49\uff4e#", "taken"),     # fullwidth
    ("office#", "o\ufb03ce#", "taken"),                         # ligature ffi
    ("office#", "O\ufb00ice#", "taken"),                        # ligature ff
    ("kelvin#", "\u212aelvin#", "taken"),                       # Kelvin sign
    ("angstr\u00f6m#", "\u212bngstr\u00f6m#", None),            # Angstrom sign is an A with a ring
    ("\u00e5ngstr\u00f6m#", "\u212bngstr\u00f6m#", "taken"),
    ("\u00e9t\u00e9#", "\u00c9T\u00c9#", "taken"),
    ("sam#", "\u017fam#", "taken"),                             # long s
    ("strasse#", "stra\u00dfe#", "taken"),                      # sharp s
    ("strasse#", "STRA\u1e9eE#", "taken"),                      # capital sharp s
    ("\u03c3\u03bf\u03c6\u03cc\u03c3#", "\u03a3\u039f\u03a6\u038c\u03a3#", "taken"),
    ("\u03c3\u03bf\u03c6\u03cc\u03c3#", "\u03c3\u03bf\u03c6\u03cc\u03c2#", "taken"),  # final sigma
    ("x2_#", "x\u00b2_#", "taken"),                             # superscript
    ("h#", "\u210d#", "taken"),                                 # double-struck
    ("viii#", "\u2167#", "taken"),                              # Roman numeral eight
    ("admin#", "\u0430dmin#", "bad"),                           # Cyrillic a
    ("admin#", "\u0430\u0501min#", "bad"),
    ("google#", "g\u03bfogle#", "bad"),                         # Greek omicron
    ("admin#", "adm\u0456n#", "bad"),                           # Cyrillic i
    ("admin#", "ad\u200dmin#", "bad"),                          # ZWJ
    ("admin#", "admin#\u200b", "bad"),                          # zero width space
    ("admin#", "admin#\u2060", "bad"),                          # word joiner
    ("admin#", "\u202eadmin#", "bad"),                          # RTL override
    ("admin#", "\u2066admin#\u2069", "bad"),                    # isolates
    ("admin#", "ad\u00admin#", "bad"),                          # soft hyphen
    ("admin#", "admin#\u3164", "bad"),                          # Hangul filler
    ("admin#", "admi\u0307n#", "bad"),                          # a mark of its own
    ("admin#", "admin#\U000e0061", "bad"),                      # tag letter
    ("admin#", "admin#\ufe0f", "bad"),                          # variation selector
    ("admin#", "adm\u0131n#", None),                            # dotless i: another letter of Latin
]


@pytest.mark.parametrize("first, second, outcome", LOOK_ALIKES,
                         ids=[ascii(second) for _, second, _ in LOOK_ALIKES])
def test_look_alikes_of_a_name_are_refused_or_collide(strict, first, second, outcome):
    mark = unique("")
    first, second = first.replace("#", mark), second.replace("#", mark)
    assert strict.signup(first, email=f"a{mark}@example.com").status == 201
    answer = strict.signup(second, email=f"b{mark}@example.com")
    if outcome is None:
        assert answer.status == 201, answer
    else:
        assert answer.status == 400, answer
        assert answer.json() == {"username": USERNAME_TAKEN if outcome == "taken" else USERNAME_BAD}


def test_a_name_may_mix_scripts_unless_that_is_refused(api, strict):
    name = "\u0430dmin" + unique("")
    assert strict.signup(name, email=unique("m") + "@example.com").json() == {"username": USERNAME_BAD}
    assert api.signup(name, email=unique("m") + "@example.com").status == 201


@pytest.mark.parametrize("name", ["\u5c71\u7530\u30bf\u30ed\u30a6", "\uae40\ucca0\uc218", "\u5f20\u4f1fwei",
                                  "\u0410\u043b\u0438\u0441\u0430", "jos\u00e9"], ids=ascii)
def test_names_of_one_people_are_taken_and_log_in(strict, name):
    name += unique("")
    assert strict.signup(name, email=unique("p") + "@example.com").status == 201
    assert strict.login(name).status == 200


# ---- addresses ---------------------------------------------------------------------------------------

SAME_ADDRESS = [
    ("A#@EX.com", "a#@ex.COM"),
    ("x#@b\u00fccher.example", "x#@xn--bcher-kva.example"),     # U-label, A-label
    ("x#@B\u00dcCHER.example", "X#@XN--BCHER-KVA.EXAMPLE"),
    ("x#@bu\u0308cher.example", "x#@b\u00fccher.example"),      # decomposed
    ("x#@\uff45\uff58.com", "x#@ex.com"),                       # fullwidth
    ("x#@stra\u00dfe.example", "x#@xn--strae-oqa.example"),     # IDNA 2008: sharp s is a letter
    ("x#@ex\u3002com", "x#@ex.com"),                            # ideographic full stop
]


@pytest.mark.parametrize("first, second", SAME_ADDRESS, ids=ascii)
def test_spellings_of_one_address_collide(api, first, second):
    mark = unique("")
    assert api.signup(unique("e"), email=first.replace("#", mark)).status == 201
    answer = api.signup(unique("e"), email=second.replace("#", mark))
    assert (answer.status, answer.json()) == (400, {"email": EMAIL_TAKEN})
    assert api.login(second.replace("#", mark)).status == 200     # and each logs in


NO_ADDRESS = [
    '"a b"@example.com', '"a"@example.com', "a(comment)@example.com", "(c)a@example.com", "a@example.com.",
    "a@[127.0.0.1]", "a@[IPv6:::1]", "a@127.0.0.1", "a@exa_mple.com", "a@-example.com", "a@example-.com",
    "a..b@example.com", ".a@example.com", "a.@example.com", "a@b@example.com", "a@example..com", "@example.com",
    "a@", "a", "a@com", "a b@example.com", "a@exam ple.com", "a@example.com>", "<a@example.com>",
    "a@example.com\u0000", "a@example.com\r\nRCPT TO:<b@example.com>", "a\n@example.com", "a@example.c",
    "\u00e9@example.com", "a@xn--a.example", "a@xn--\u00fc.example", "a@ex\u200dample.com", "a@\u202eexample.com",
    "a@example.123", "a" * 65 + "@example.com", "a@" + "b" * 64 + ".com", "a@" + ".".join(["b" * 60] * 5) + ".com",
    "a%40b.example@", "a,b@example.com", "a;b@example.com", "a:b@example.com", "a\\b@example.com",
]


@pytest.mark.parametrize("email", NO_ADDRESS, ids=[ascii(email)[:40] for email in NO_ADDRESS])
def test_what_is_no_address_is_refused(api, email):
    answer = api.signup(unique("n"), email=email)
    assert answer.status == 400 and list(answer.json()) == ["email"], answer


def test_an_address_may_be_as_long_as_rfc_5321_allows(api):
    local, labels = (unique("l") + "x" * 64)[:64], ".".join(["b" * 61] * 3)
    assert len(f"{local}@{labels}.com") == 254
    assert api.signup(unique("l"), email=f"{local}@{labels}.com").status == 201
    assert api.signup(unique("l"), email=f"{local}@{labels}.info").status == 400
    assert api.signup(unique("l"), email=f"x{local}@example.com").status == 400


# ---- UTF-8 -------------------------------------------------------------------------------------------

# What no strict decoder takes, each to stand inside of a JSON string.
BROKEN = [bytes.fromhex(text) for text in (
    "80", "bf", "8080", "c0", "c1", "c080", "c0af", "c1bf", "c181", "e08080", "e080af", "e09fbf", "f0808080",
    "f08080af", "f08fbfbf", "f880808080", "f8888080 80", "fc8080808080", "fc84808080 80", "fe", "ff", "fefeffff",
    "eda080", "edad bf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf", "eda080edb080", "eda1 8cedbeb4",
    "f4908080", "f4bfbfbf", "f5808080", "f6808080", "f7bfbfbf", "c2", "c241", "df", "df20", "e0a0", "e0a041", "e1",
    "e180", "e18041", "efbf", "ef41bf", "f0", "f090", "f09080", "f0908041", "f1", "f180", "f18080", "f1808041",
    "f48fbf", "c3c3a9", "e282c2ac", "f09fa4e2", "a9c3", "c3a9a9")]
# What is UTF-8 and no text for a name or an address.
NO_TEXT = ["\\u0000", "\\ud800", "\\udfff", "\\ud800\\ud800", "\\udc00\\ud800", "\\ufdd0", "\\uffff", "\\ufffe",
           "\\ud83f\\udfff", "\\udbff\\udfff", "\\u0001", "\\u001b", "\\u007f", "\\u0085", "\\u009f"]


def body_with(field, bytes_):
    fields = {"username": unique("w").encode(), "email": (unique("w") + "@example.com").encode(),
              "password": b"securepassword123"}
    fields[field] = b"ab" + bytes_ + b"cd" + (b"@example.com" if field == "email" else b"")
    return b"{" + b",".join(b'"%s":"%s"' % (name.encode(), value) for name, value in fields.items()) + b"}"


@pytest.mark.parametrize("field", ["username", "email", "password"])
def test_what_is_not_utf8_is_refused(api, field):
    assert len(set(BROKEN)) >= 60
    for vector in BROKEN:
        answer = api.post("/api/auth/signup", body_with(field, vector))
        assert answer.status == 400 and answer.json()["detail"].startswith("JSON parse error"), (vector.hex(), answer)


@pytest.mark.parametrize("field", ["username", "email"])
def test_what_is_no_character_is_in_no_name(api, field):
    for vector in NO_TEXT:
        answer = api.post("/api/auth/signup", body_with(field, vector.encode()))
        assert answer.status == 400, (vector, answer)
        assert field in answer.json() or "detail" in answer.json(), (vector, answer)


@pytest.mark.parametrize("vector", BROKEN[:20] + BROKEN[22:34], ids=bytes.hex)
def test_a_form_that_is_not_utf8_is_refused(api, vector):
    encoded = b"".join(b"%%%02x" % byte for byte in vector)
    body = b"username=ab" + encoded + b"&email=" + unique("f").encode() + b"@example.com&password=securepassword123"
    answer = api.post("/api/auth/signup", body, content_type="application/x-www-form-urlencoded")
    assert answer.status == 400, answer


@pytest.mark.parametrize("name", ["01939393-0000-7000-8000-00000000000a", "01939393-0000-7000-8000-00000000000A",
                                  "\uff10" + "1939393-0000-7000-8000-00000000000a"])
def test_a_name_that_reads_like_an_id_is_refused(strict, name):
    refused = strict.signup(name, email=f"{unique('id')}@example.com")
    assert (refused.status, refused.json().get("username")) == (400, USERNAME_BAD), refused
    assert strict.signup(f"{unique('')}-0000-7000-8000").status == 201
