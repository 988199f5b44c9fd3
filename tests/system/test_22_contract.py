"""api.md by the row: where Gatepost differs, bad input of every kind, errors, headers, methods."""
import json
import re

import pytest

from client import Api, Connection, FORM, JSON, PASSWORD, account, encode, raw, unique
from letters import letter_to

NOT_FOUND = {"detail": "Not found."}
TOO_LARGE = {"detail": "Request body too large."}
BAD_REQUEST = {"detail": "Bad request."}
REQUIRED, BLANK = ["This field is required."], ["This field may not be blank."]
NAME_EXISTS = ["A user with this username already exists."]
EMAIL_EXISTS = ["A user with this email already exists."]
BAD_NAME = ["Enter a valid username. This value may contain only letters, numbers, and "
            "@/./+/-/_ characters."]
BAD_EMAIL = ["Enter a valid email address."]
LONG_150 = ["Ensure this field has no more than 150 characters."]
LONG_254 = ["Ensure this field has no more than 254 characters."]
NUL = ["Null characters are not allowed."]
NO_ACCOUNT = {"detail": "No active account found with the given credentials"}
SIGNUP = "/api/auth/signup"
POSTS = ["/api/auth/signup", "/api/auth/login", "/api/auth/verify-email",
         "/api/auth/verify-email/resend", "/api/auth/token/refresh", "/api/auth/token/verify"]
GETS = ["/api/auth/me", "/healthz", "/readyz", "/metrics"]


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


# ---- content types and bodies ---------------------------------------------------------------------------

@pytest.mark.parametrize("content_type, named", [
    ("text/plain", "text/plain"), ("application/xml", "application/xml"),
    ("multipart/form-data; boundary=x", None), ("application/json; charset=latin-1", None),
    ("application/json; charset=utf-16", None), ("application/jsonx", "application/jsonx"),
    ("text/json", "text/json"), ("application/x-www-form-urlencoded; charset=latin-1", None),
    ("x", None), ("application/", None)])
def test_another_media_type_is_415(api, content_type, named):
    answer = api.post(SIGNUP, "{}", content_type=content_type)
    assert answer.status == 415
    assert re.fullmatch(r'Unsupported media type "[^"]*" in request\.', detail(answer))
    if named:
        assert detail(answer) == f'Unsupported media type "{named}" in request.'


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
    "APPLICATION/JSON ; Charset=Utf-8", "application/json; odata=verbose"])
def test_json_in_any_spelling_is_read(api, content_type):
    assert api.post(SIGNUP, account(unique()), content_type=content_type).status == 201


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_an_encoded_body_is_415(api, encoding):
    assert api.post(SIGNUP, account(unique()), headers=[("Content-Encoding", encoding)]).status == 415


def test_accept_is_not_an_obstacle(api):
    for accept in ("text/html", "image/png", "*/*;q=0", "application/xml", ""):
        answer = api.post(SIGNUP, "{}", headers=[("Accept", accept)])
        assert answer.status == 400 and answer.type == JSON


def test_forms_are_read_as_browsers_write_them(api):
    name = unique()
    body = f"username={name}&email={name}%40example.com&password=with+space+%2B+plus%C3%A9"
    assert api.post(SIGNUP, body, content_type=FORM).status == 201
    assert api.login(name, "with space + plusé").status == 200
    for bad in ("username=%zz&password=x", "username=%", "username=%4", "=&&=", "&&&", "username"):
        assert api.post(SIGNUP, bad, content_type=FORM).status == 400
    last = unique()
    body = f"username=first&username={last}&email={last}@example.com&password=x&password={PASSWORD}"
    assert api.post(SIGNUP, body, content_type=FORM).status == 201


def test_a_body_has_at_most_16_kib(api):
    for size, status in ((16384, 400), (16385, 413), (20000, 413), (70000, 413), (3_000_000, 413)):
        body = '{"username":"' + "a" * (size - 15) + '"}'
        assert len(body) == size
        answer = api.fresh().post(SIGNUP, body)
        assert answer.status == status, (size, answer)
        if status == 413:
            assert answer.json() == TOO_LARGE


def chunked(body, size=1000, path=SIGNUP, extra=""):
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{extra}"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size])
                      for i in range(0, len(body), size))
    return head + chunks + b"0\r\n\r\n"


def test_a_chunked_body_is_read(server):
    for size in (1, 7, 1000):
        with Connection(server.address) as connection:
            connection.send(chunked(json.dumps(account(unique())).encode(), size))
            assert connection.receive().status == 201
    with Connection(server.address) as connection:
        connection.send(chunked(b"x" * 40000))
        answer = connection.receive()
        assert (answer.status, answer.json()) == (413, TOO_LARGE)


def test_a_request_in_single_bytes_is_read(server):
    with Connection(server.address) as connection:
        for byte in encode("POST", SIGNUP, account(unique())):
            connection.send(bytes([byte]))
        assert connection.receive().status == 201


def test_expectations(server):
    with Connection(server.address) as connection:
        body = json.dumps(account(unique())).encode()
        connection.send(encode("POST", SIGNUP, body, headers=[("Expect", "100-continue")]))
        answer = connection.receive()
        if answer.status == 100:
            answer = connection.receive()
        assert answer.status == 201
    with Connection(server.address) as connection:
        connection.send(encode("POST", SIGNUP, "{}", headers=[("Expect", "200-maybe")]))
        answer = connection.receive()
        assert answer.status == 417 and answer.type == JSON and detail(answer)


# ---- the head: what libh2o lets pass --------------------------------------------------------------------

BODY = b'{"username":"x"}'
SMUGGLED = {
    "two lengths": b"Content-Length: 16\r\nContent-Length: 3\r\n",
    "two equal lengths": b"Content-Length: 16\r\nContent-Length: 16\r\n",
    "length and chunked": b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 16\r\n",
    "a list of lengths": b"Content-Length: 16, 16\r\n",
    "a signed length": b"Content-Length: +16\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a hexadecimal length": b"Content-Length: 0x10\r\n",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n",
    "an empty length": b"Content-Length:\r\n",
    "a bare line feed": b"X-A: b\nX-C: d\r\nContent-Length: 16\r\n",
    "a folded header": b"X-A: b\r\n folded\r\nContent-Length: 16\r\n",
    "a folded length": b"Content-Length:\r\n 16\r\n",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n",
    "another coding": b"Transfer-Encoding: identity\r\nContent-Length: 16\r\n",
    "two codings in two headers": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a space before the colon": b"Content-Length : 16\r\n",
    "a control in a value": b"X-A: b\x01c\r\nContent-Length: 16\r\n",
    "a nul in a value": b"X-A: b\0c\r\nContent-Length: 16\r\n",
    "a bare carriage return": b"X-A: b\rX-C: d\r\nContent-Length: 16\r\n",
    "two hosts": b"Host: y\r\nContent-Length: 16\r\n",
    "two equal hosts": b"Host: x\r\nContent-Length: 16\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_an_ambiguous_head_is_400_and_the_end_of_the_connection(server, name):
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    data = raw(server.address, b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\n"
               b"Content-Type: application/json\r\n" + SMUGGLED[name] + b"\r\n" + BODY + smuggled)
    status = data.split(b" ", 2)[1:2]
    assert status in ([b"400"], [b"413"] if name == "a huge length" else [b"400"],
                      [b"501"] if "coding" in name else [b"400"]), data
    assert data.count(b"HTTP/1.1 ") == 1, data
    assert b'"status":"ok"' not in data, "the second request was taken"


def test_a_head_without_host_is_400(server):
    data = raw(server.address, b"GET /healthz HTTP/1.1\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 400 ") and data.count(b"HTTP/1.1 ") == 1


def test_the_checks_hold_for_the_second_request_of_a_connection_too(server):
    good = encode("GET", "/healthz")
    bad = b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    with Connection(server.address) as connection:
        connection.send(good)
        assert connection.receive().status == 200
        connection.send(bad)
        assert connection.receive().status == 400
        assert connection.closed_by_server()
    data = raw(server.address, good + bad)
    assert data.count(b"HTTP/1.1 ") == 2 and b"HTTP/1.1 400 " in data


def test_a_head_in_pieces_is_checked_as_well(server):
    pieces = [b"POST /api/auth/signup HTTP/1.1\r\nHo", b"st: x\r\nContent-Le", b"ngth: 2\r\nConten",
              b"t-Length: 2\r\n\r", b"\n{}"]
    import time
    with Connection(server.address) as connection:
        for piece in pieces:
            connection.send(piece)
            time.sleep(0.02)
        assert connection.receive().status == 400


@pytest.mark.parametrize("size, status", [(3000, 200), (20000, 431), (60000, 431)])
def test_a_big_head_is_431(server, size, status):
    lines = [("X-Big-%d" % i, "v" * 1000) for i in range(size // 1000)]
    with Connection(server.address) as connection:
        connection.send(encode("GET", "/healthz", headers=lines))
        answer = connection.receive()
        assert answer.status == status
        if status == 431:
            assert answer.json() == {"detail": "Request header fields too large."}


def test_a_head_beyond_what_the_library_takes_is_a_close(server):
    data = raw(server.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 120 + b"\r\n")
    assert data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    data = raw(server.address, b"GET /" + b"a" * 600000)
    assert data == b"" or data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ", b"HTTP/1.1 414 "))


def test_a_long_token_is_refused_unread(api):
    assert api.me("x" * 5000).status in (401, 431)
    assert api.get("/api/auth/me", headers=[("Authorization", "Bearer " + "a.b.c" * 1000)]).status in (401, 431)


@pytest.mark.parametrize("data", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /healthz\r\n\r\n", b"\r\n\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"HELO x\r\nMAIL FROM:<a@b>\r\n\r\n", b"\0" * 100])
def test_what_is_not_http_is_400_or_a_close(server, data):
    answer = raw(server.address, data, half_close=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer


def test_http2_is_not_offered(server):
    with Connection(server.address) as connection:
        answer = connection.request("GET", "/healthz", headers=[
            ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__")])
        assert answer.status == 200 and answer.header("upgrade") is None


def test_http_1_0_is_served(server):
    data = raw(server.address, b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200 ") and data.endswith(b'{"status":"ok"}')


# ---- routes and methods -----------------------------------------------------------------------------------

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "FOO", "get"]


@pytest.mark.parametrize("path", POSTS + GETS + ["/verify-email"])
def test_the_methods_of_each_route(api, path):
    allow = api.call("OPTIONS", path)
    assert allow.status == 204 and allow.body == b"", allow
    allowed = [name.strip() for name in allow.header("allow").split(",")]
    assert "OPTIONS" in allowed and len(set(allowed)) == len(allowed)
    if path in POSTS:
        assert allowed == ["POST", "OPTIONS"]
    else:
        assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)
    for method in METHODS:
        if method in allowed:
            continue
        answer = api.fresh().call(method, path)
        if path == "/api/auth/me" and answer.status == 401:
            continue  # authentication comes first, as in DRF
        assert answer.status == 405, (method, answer)
        if method != "HEAD":
            assert answer.json() == {"detail": f'Method "{method}" not allowed.'}
        assert answer.header("allow") == allow.header("allow")


def test_connect_is_refused(server):
    data = raw(server.address, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", seconds=3,
               half_close=True)
    assert data.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 405 ", b"HTTP/1.1 400 ")), data


@pytest.mark.parametrize("path", [
    "/", "/api", "/api/auth", "/api/auth/", "/api/auth/SIGNUP", "//api/auth/signup", "/api//auth/signup",
    "/api/auth/signup//", "/api/auth/signupx", "/api/auth/signup/x", "/healthz/x", "/favicon.ico",
    "/api/auth/signup%2f", "/api/auth/signup;x=1", "/api/auth/token", "/%00", "/api/auth/signup%00",
    "/api/auth/signup/..%2f", "/.well-known/nothing"])
def test_what_is_no_route_is_404(api, path):
    for method in ("GET", "POST"):
        answer = api.call(method, path, "{}" if method == "POST" else None)
        assert answer.status == 404 and answer.json() == NOT_FOUND, (method, answer)


def test_a_trailing_slash_and_a_query_make_no_difference(api):
    for path in POSTS:
        plain, slash = api.post(path, "{}"), api.post(f"{path}/", "{}")
        assert (plain.status, plain.body) == (slash.status, slash.body)
        assert api.post(f"{path}?x=1&y=%00", "{}").body == plain.body
    assert api.get("/healthz/").status == 200 and api.get("/healthz?x").status == 200
    assert api.post(f"{SIGNUP}/", account(unique())).status == 201


def test_an_absolute_request_target_is_a_path_as_well(server):
    data = raw(server.address, b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert data.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")), data


# ---- headers of every answer -------------------------------------------------------------------------------

def every_status(server):
    """(name, answer) for each status that can be had here."""
    api = Api(server.address)
    name = unique("status")
    made = api.signup(name)
    pair = api.tokens(name)
    yield "201", made
    yield "200", api.get("/healthz")
    yield "200 me", api.me(pair["access"])
    token = letter_to(server, f"{name}@example.com").token
    yield "200 page", api.get(f"/verify-email?token={token}")
    yield "400 page for a bad link", api.get("/verify-email?token=x")
    yield "202", api.post("/api/auth/verify-email/resend", {"email": "x@example.com"})
    yield "204", api.call("OPTIONS", SIGNUP)
    yield "400", api.post(SIGNUP, "{}")
    yield "400 json", api.post(SIGNUP, "{")
    yield "400 page", api.post("/verify-email", "token=x", content_type=FORM)
    yield "401", api.login(name, "wrong")
    yield "401 me", api.get("/api/auth/me")
    yield "404", api.get("/nothing")
    yield "405", api.get(SIGNUP)
    yield "413", api.fresh().post(SIGNUP, "x" * 20000)
    yield "413 h2o", api.fresh().post(SIGNUP, "x" * 200000)
    yield "415", api.fresh().post(SIGNUP, "x", content_type="text/plain")
    yield "417", api.fresh().post(SIGNUP, "{}", headers=[("Expect", "nothing")])
    headers = [(f"X-{i}", "v" * 1000) for i in range(20)]
    yield "431", api.fresh().get("/healthz", headers=headers)
    yield "422", idempotent(api, unique())


def idempotent(api, name):
    api.fresh().signup(name, headers=[("Idempotency-Key", name)])
    return api.signup(name + "x", headers=[("Idempotency-Key", name)])


def test_every_answer_has_the_security_headers_and_says_little(server):
    for name, answer in every_status(server):
        assert str(answer.status) == name.split()[0], (name, answer)
        assert answer.header("x-content-type-options") == "nosniff", (name, answer)
        assert "default-src 'none'" in (answer.header("content-security-policy") or ""), (name, answer)
        assert "frame-ancestors 'none'" in answer.header("content-security-policy"), (name, answer)
        assert answer.header("cache-control") == "no-store" or name == "200", (name, answer)
        assert answer.header("server") is None and answer.header("x-powered-by") is None
        assert answer.header("date"), name
        if answer.status != 204 and "page" not in name:
            assert answer.type == JSON, (name, answer)
            json.loads(answer.body)
        if answer.status == 401:
            assert answer.header("www-authenticate") == 'Bearer realm="api"'
        else:
            assert answer.header("www-authenticate") is None
        for word in (b"errno", b".c:", b"DB_", b"BDB", b"/var/", b"Traceback"):
            assert word not in answer.body, (name, answer)


def test_each_answer_has_a_request_id_of_its_own(api):
    ids = [api.get("/healthz").header("x-request-id") for _ in range(20)]
    assert None not in ids and len(set(ids)) == 20


def test_unknown_user_and_wrong_password_get_equal_answers(api):
    name = unique()
    assert api.signup(name).status == 201

    def shape(answer):
        own = {"date", "x-request-id"}
        return (answer.status, answer.reason, answer.body,
                [(k.lower(), v if k.lower() not in own else len(v)) for k, v in answer.headers])
    wrong = shape(api.login(name, "not the password"))
    assert wrong[0] == 401 and json.loads(wrong[2]) == NO_ACCOUNT
    for unknown in (unique(), f"{unique()}@example.com", "用户", "a b", "x" * 300, "a\0b"[0:1] + "@"):
        assert shape(api.login(unknown, "not the password")) == wrong, unknown


def test_an_unknown_user_costs_a_hash_too(serve):
    """E2 in the small: with a cost that shows, both take its time."""
    import time
    server = serve({"password.iterations": "300000", "http.workers": "1"})
    api = Api(server.address)
    assert api.signup("known").status == 201
    before = api.metrics()["gatepost_password_hashes_total"]
    times = {}
    for name in ("known", "unknown", "unknown@example.com", "bad name!"):
        began = time.monotonic()
        assert api.login(name, "wrong password").status == 401
        times[name] = time.monotonic() - began
    assert api.metrics()["gatepost_password_hashes_total"] == before + 4
    assert max(times.values()) < 3 * min(times.values()), times


def test_a_login_with_wrong_fields_is_told_as_the_seed_tells_it(api):
    assert api.post("/api/auth/login", {}).json() == {"username": REQUIRED, "password": REQUIRED}
    assert api.post("/api/auth/login", {"username": "", "password": ""}).json() == {
        "username": BLANK, "password": BLANK}
    assert api.post("/api/auth/login", {"username": None, "password": None}).status == 400
    assert api.login("x" * 5000, "x").status == 401
    assert api.login("x", "y" * 5000).status in (400, 401)


def test_a_login_trims_the_name(api):
    name = unique()
    assert api.signup(name).status == 201
    assert api.login(f"  {name} ").status == 200


def test_sign_up_ignores_a_bad_authorization_header(api):
    assert api.signup(unique(), headers=[("Authorization", "Bearer garbage")]).status == 201


def test_connection_close_is_honoured(server):
    with Connection(server.address) as connection:
        answer = connection.request("GET", "/healthz", headers=[("Connection", "close")])
        assert answer.status == 200 and answer.closes() and connection.closed_by_server()


def test_an_unparsable_head_is_the_one_answer_that_is_not_json(server):
    data = raw(server.address, b"GARBAGE\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 400 ")


def test_bad_request_has_the_body_of_the_contract(server):
    data = raw(server.address, b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nHost: y\r\n"
               b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    head, body = data.split(b"\r\n\r\n", 1)
    assert json.loads(body) == BAD_REQUEST and b"application/json" in head.lower()
