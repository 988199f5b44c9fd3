"""docs/api.md by the row: fields, JSON, UTF-8, names, addresses, passwords."""
import json

import pytest

from client import FORM, PASSWORD, account, unique
from letters import letter_to

REQUIRED, BLANK = ["This field is required."], ["This field may not be blank."]
NAME_EXISTS = ["A user with this username already exists."]
EMAIL_EXISTS = ["A user with this email already exists."]
BAD_NAME = ["Enter a valid username. This value may contain only letters, numbers, and "
            "@/./+/-/_ characters."]
BAD_EMAIL = ["Enter a valid email address."]
LONG_150 = ["Ensure this field has no more than 150 characters."]
LONG_254 = ["Ensure this field has no more than 254 characters."]
NUL = ["Null characters are not allowed."]
SIGNUP = "/api/auth/signup"
POSTS = ["/api/auth/signup", "/api/auth/login", "/api/auth/verify-email",
         "/api/auth/verify-email/resend", "/api/auth/token/refresh", "/api/auth/token/verify",
         "/api/auth/logout"]


def detail(answer):
    body = answer.json()
    assert list(body) == ["detail"], body
    return body["detail"]


# ---- fields -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("fields, expected", [
    ({}, {"username": REQUIRED, "email": REQUIRED, "password": REQUIRED}),
    ({"username": "", "email": "", "password": ""},
     {"username": BLANK, "email": BLANK, "password": BLANK}),
    ({"username": " \t\u00a0", "email": " ", "password": " \n "},
     {"username": BLANK, "email": BLANK, "password": BLANK}),
    ({"username": None, "email": None, "password": None},
     {name: ["This field may not be null."] for name in ("username", "email", "password")}),
    ({"username": True, "email": True, "password": False},
     {"username": ["Not a valid string."], "email": BAD_EMAIL, "password": ["Not a valid string."]}),
    ({"username": {}, "email": "x", "password": []},
     {"username": ["Not a valid string."], "email": BAD_EMAIL, "password": ["Not a valid string."]}),
    ({"username": "a" * 151, "email": "a@b.c", "password": PASSWORD},
     {"username": LONG_150, "email": BAD_EMAIL}),
    ({"username": "a b", "email": "a" * 250 + "@example.com", "password": "short"},
     {"username": BAD_NAME, "email": LONG_254 + BAD_EMAIL, "password": [
         "This password is too short. It must contain at least 8 characters."]}),
    ({"username": "!" * 151, "email": "a@b@c.com", "password": PASSWORD},
     {"username": BAD_NAME + LONG_150, "email": BAD_EMAIL}),
    ({"username": "a\0b", "email": "a\0@example.com", "password": "pass\0word1"},
     {"username": None, "email": None, "password": NUL}),
], ids=str)
def test_all_wrong_fields_are_told_at_once(api, fields, expected):
    answer = api.post(SIGNUP, json.dumps(fields))
    assert answer.status == 400
    body = answer.json()
    assert set(body) == set(expected), body
    for name, sentences in expected.items():
        if sentences is not None:
            assert body[name] == sentences
        else:
            assert NUL[0] in body[name]


@pytest.mark.parametrize("text, name", [("[]", "list"), ("[1,2]", "list"), ('"x"', "str"), ("5", "int"),
                                        ("-0", "int"), ("1.5", "float"), ("1e3", "float"),
                                        ("true", "bool"), ("false", "bool")])
def test_what_is_not_an_object_is_named_as_python_would(api, text, name):
    for path in POSTS:
        answer = api.post(path, text)
        assert (answer.status, answer.json()) == (400, {"non_field_errors": [
            f"Invalid data. Expected a dictionary, but got {name}."]}), path


def test_null_is_no_data(api):
    for path in POSTS:
        assert api.post(path, "null").json() == {"non_field_errors": ["No data provided"]}


@pytest.mark.parametrize("body", [
    "{", "}", "{]", "[1,]", '{"a":1,}', '{"a" 1}', "{'a':1}", "{a:1}", '{"a":01}', '{"a":.5}', '{"a":+1}',
    '{"a":1}{"b":2}', '{"a":1} x', "nul", "NaN", "Infinity", '{"a":"\\x"}', '{"a":"\\u12"}',
    '{"a":"\n"}', "// c\n{}", "/* c */{}", "", " ", "\x00", '{"a":"b}', "\ufeff{}"])
def test_what_is_not_json_is_told_so_and_not_echoed(api, body):
    answer = api.post(SIGNUP, body)
    assert answer.status == 400
    if body == "":
        assert set(answer.json()) == {"username", "email", "password"}
    else:
        assert detail(answer).startswith("JSON parse error - ")


def test_no_input_is_echoed(api):
    for body in ('{"username":"canary"', '{"canary":nope}', 'canary', '{"canary\\x":1}'):
        assert b"canary" not in api.post(SIGNUP, body).body
    answer = api.post(SIGNUP, {"username": "can ary!", "email": "canary", "password": "canary"})
    assert b"canary" not in answer.body and b"can ary" not in answer.body


@pytest.mark.parametrize("body", [
    '{"username":"a","username":"b"}', '{"username":"a","email":"x@y.zz","password":"p","password":"q"}',
    '{"a":1,"\\u0061":2}', '{"username":"a","\\u0075sername":"b"}'])
def test_a_name_that_stands_twice_is_400(api, body):
    assert api.post(SIGNUP, body).status == 400


def test_depth_is_bounded_and_harmless(api):
    for depth in (3, 5, 100, 4000, 8000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            body = '{"username":' + opening * depth + "1" + closing * depth + "}"
            if len(body) <= 16384:
                assert api.post(SIGNUP, body).status == 400
    assert api.post(SIGNUP, "[" * 16000).status == 400


def test_many_members_are_harmless(api):
    body = "{" + ",".join(f'"k{i}":1' for i in range(1500)) + "}"
    assert api.post(SIGNUP, body).status == 400


def test_unknown_fields_are_ignored(api):
    assert api.post(SIGNUP, {**account(unique()), "is_staff": True, "id": 5}).status == 201


# ---- UTF-8 ------------------------------------------------------------------------------------------

INVALID_UTF8 = [bytes.fromhex(text) for text in """
    80 bf 8080 c0 c080 c0af c1 c1bf c180 c2 c27f c2c0 df dfc0 e0 e080 e08080 e09fbf e0a0 e0a07f e1 e180
    e18080c0 e1807f ed ed80 eda080 eda0bd edafbf edb080 edbfbf eda080edb080 eda0bdedb880 ef ef80 efbf f0
    f080 f08080 f0808080 f08fbfbf f090 f09080 f090807f f1 f18080 f180807f f3808080c0 f4908080 f4bfbfbf f5
    f5808080 f6808080 f7bfbfbf f8 f888808080 fb fc fc8480808080 fd fe ff fffe feff ffff""".split()]


def test_the_corpus_has_sixty_vectors_that_are_really_invalid():
    assert len(INVALID_UTF8) >= 60
    for vector in INVALID_UTF8:
        with pytest.raises(UnicodeDecodeError):
            vector.decode("utf-8")


def test_invalid_utf8_is_400_wherever_it_stands(api):
    for vector in INVALID_UTF8:
        for body in (b'{"username":"' + vector + b'"}', b'{"password":"x' + vector + b'y"}',
                     b'{"' + vector + b'":1}', b'{"x":"' + vector + b'"}'):
            answer = api.post(SIGNUP, body)
            assert answer.status == 400 and detail(answer).startswith("JSON parse error - "), vector
    for vector in INVALID_UTF8[:20]:
        form = b"username=u" + b"".join(b"%%%02x" % byte for byte in vector) + b"&password=x"
        for body in (form, b"username=" + vector + b"&email=a@b.cc&password=x"):
            assert api.post(SIGNUP, body, content_type=FORM).status == 400, vector


def test_valid_utf8_of_every_length_is_taken(api):
    for text in ("é", "ҧ", "用", "𠀀", "𞤀"):
        assert api.signup(unique() + text, email=f"{unique()}@example.com").status == 201
    assert api.signup(unique(), password="\U0010ffff\uffff éの words").status == 201


@pytest.mark.parametrize("escape, code", [("\\ud800", "D800"), ("\\udfff", "DFFF"), ("\\udc00\\ud800", "DC00"),
                                          ("x\\ud83d", "D83D"), ("\\ud83d\\u0041", "D83D")])
def test_a_lone_surrogate_is_named(api, escape, code):
    for field in ("username", "email", "password"):
        fields = {name: f'"{value}"' for name, value in account(unique()).items()}
        fields[field] = f'"{escape}"'
        body = "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
        answer = api.post(SIGNUP, body)
        assert answer.status == 400 and set(answer.json()) == {field}, answer
        assert f"Surrogate characters are not allowed: U+{code}." in answer.json()[field]


def test_a_pair_of_surrogates_is_one_character(api):
    name = unique()
    body = json.dumps(account(name, password="long enough \U0001f600"))
    assert "\\ud83d\\ude00" in body
    assert api.post(SIGNUP, body).status == 201
    assert api.login(name, "long enough \U0001f600").status == 200


# ---- names, addresses, passwords ----------------------------------------------------------------------

def test_look_alikes_of_a_name_are_the_same_name(api):
    name = unique("Straße")
    assert api.signup(name, email=f"{unique()}@example.com").status == 201
    wide = "".join(chr(ord(c) + 0xfee0) if "!" <= c <= "~" else c for c in name)
    for spelling in (name.upper(), name.lower(), name.replace("ß", "ss"), wide, name.replace("ß", "ẞ"),
                     f"  {name} "):
        answer = api.signup(spelling, email=f"{unique()}@example.com")
        assert (answer.status, answer.json()) == (400, {"username": NAME_EXISTS}), spelling
    ligature = unique("office")
    assert api.signup(ligature).status == 201
    assert api.signup(ligature.replace("ffi", "ﬃ"), email=f"{unique()}@x.com").status == 400


def test_a_name_is_stored_in_nfkc(api):
    suffix = unique()
    assert api.signup("ｆｕｌｌ" + suffix, email=f"{suffix}@example.com").status == 201
    access = api.tokens(f"full{suffix}")["access"]
    assert api.me(access).json()["username"] == f"full{suffix}"


@pytest.mark.parametrize("name", ["a b", "a\tb", "a/b", "a\u200db", "a\u202eb", "a\u00adb", "a\ufeffb",
                                  "a<b>", "a\"b", "a'b", "a%b", "😀", "a\u2028b", "a\x7fb", "a\x1bb", "a:b"])
def test_a_name_with_another_character_is_refused(api, name):
    answer = api.signup(name, email=f"{unique()}@example.com")
    assert (answer.status, answer.json()) == (400, {"username": BAD_NAME}), repr(name)


def test_an_address_is_unique_in_any_spelling(api):
    name = unique()
    assert api.signup(name, email=f"{name}@bücher.example").status == 201
    for spelling in (f"{name.upper()}@bücher.example", f"{name}@BÜCHER.example",
                     f"{name}@xn--bcher-kva.example", f"{name}@XN--BCHER-KVA.EXAMPLE", f" {name}@bücher.example "):
        answer = api.signup(unique(), email=spelling)
        assert (answer.status, answer.json()) == (400, {"email": EMAIL_EXISTS}), spelling
    answer = api.signup(name, email=f"{name}@bücher.example")
    assert answer.json() == {"username": NAME_EXISTS, "email": EMAIL_EXISTS}


def test_an_international_domain_is_mailed_to_by_its_a_label(server, api):
    name = unique()
    assert api.signup(name, email=f"{name}@bücher.example").status == 201
    assert letter_to(server, f"{name}@xn--bcher-kva.example").token


@pytest.mark.parametrize("email", [
    "a", "a@", "@b.com", "a@b", "a@b.", "a@.b.com", "a@b..com", ".a@b.com", "a.@b.com", "a..b@b.com",
    "a b@b.com", "a@b c.com", "a@b_c.com", "a@-b.com", "a@b-.com", "a@b.com.", "a@@b.com", "a@b@c.com",
    "a@[127.0.0.1]", "a@[IPv6:::1]", '"a b"@b.com', '"a"@b.com', "a(c)@b.com", "ž@example.com",
    "l" * 65 + "@example.com", "a@" + "d" * 64 + ".com", "a<b@b.com", "a@b.com>", "a,b@b.com", "a;b@b.com",
    "a:b@b.com", "a\\b@b.com", "a@b.com\r\nBcc: x@y.zz", "a\n@b.com", "a@b.c\x00om", "a@exa\u200bmple..com",
    "mailto:a@b.com?x", "A <a@b.com>"])
def test_an_address_that_relays_do_not_agree_on_is_refused(api, email):
    answer = api.signup(unique(), email=email)
    assert answer.status == 400 and list(answer.json()) == ["email"], (email, answer)
    assert answer.json()["email"] == (NUL if "\0" in email else BAD_EMAIL) or "\0" in email


@pytest.mark.parametrize("local", ["l" * 64, "a+tag", "a.b.c", "!#$%&'*+-/=?^_`{|}~", "0", "-", "a-"])
def test_an_address_of_the_dot_atom_kind_is_taken(api, local):
    assert api.signup(unique(), email=f"{local}@{unique('d')}.example").status == 201


def test_passwords_keep_their_spaces_and_every_byte(api):
    long = "".join(chr(ord("a") + i * i % 23) for i in range(1024))
    for password in ("  two spaces around  ", "tab\tand\nnewline", long[:64], long[:256], long,
                     "éß" * 16 + "用户" * 100, '"quotes\\and\\slashes"', "\u00a0no-break\u00a0", "用户的密码很长很长"):
        name = unique()
        assert api.signup(name, password=password).status == (201), password[:20]
        assert api.login(name, password).status == 200
        assert api.login(name, password + " ").status in ((400, 401) if password == long else (401,))
        assert api.login(name, password[:-1]).status == 401
        assert api.login(name, password.strip()).status == (200 if password.strip() == password else 401)


def test_a_password_has_a_least_and_a_most_length(api):
    short = ["This password is too short. It must contain at least 8 characters."]
    assert api.signup(unique(), password="7 chars").json() == {"password": short}
    assert api.signup(unique(), password="é" * 7).json() == {"password": short}
    long = api.signup(unique(), password="x9" * 512 + "y")
    assert long.status == 400 and list(long.json()) == ["password"]


def test_common_and_own_words_are_refused_and_the_seed_s_examples_are_not(api):
    for password in ("password", "12345678", "qwertyuiop", "iloveyou", "wolverine", "aaaaaaaa"):
        answer = api.signup(unique(), password=password)
        assert answer.status == 400 and list(answer.json()) == ["password"], password
    for password in ("testpass123", "securepassword123", "aaaaaaaa bbbbbbbb correct horse"):
        assert api.signup(unique(), password=password).status == 201
    name = "verypersonalname"
    assert api.signup(name, password=name).status == 400
