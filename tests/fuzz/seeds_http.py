"""Seeds of tests/fuzz/http.c."""
from seeds_parts import CANARY, FAR, SESSION, claims, jwt, me, proof_token, request

# ---- http: choices, two pauses, the store's script, what goes over the wire ------------------------
HALF_CLOSE, VANISH, LEAVING, DISK_FULL, MAILER, VERIFIED_ONLY, LOOKS = 1, 2, 4, 8, 16, 32, 64
DUPLICATE, NOT_FOUND, SPENT, REFUSED, BUSY, POISON = 1, 2, 3, 4, 5, 6
DIES, CONDEMNED, TWICE, OF_ANOTHER, ANY_BYTES = 8, 9, 10, 11, 12


def wire(content, script=b"", choices=0, pauses=(0, 0)):
    return bytes([choices, *pauses, len(script)]) + bytes(script) + content


def signup(username="anna", password=CANARY, **headers):
    body = '{"username":"%s","email":"anna@example.com","password":"%s"}' % (username, password)
    return request("POST", "/api/auth/signup", body, **headers)


def login(name="username", password=CANARY):
    return request("POST", "/api/auth/login", '{"%s":"%s","password":"%s"}' %
                   (name, "anna" if name == "username" else "anna@example.com", password))


def forwarded(content, addresses):
    return content.replace(b"\r\n", b"\r\nX-Forwarded-For: " + addresses + b"\r\n", 1)


def with_token(target, name, token):
    return request("POST", target, b'{"%s":"%s"}' % (name.encode(), token))


def bearing(method, target, token):
    return request(method, target, Authorization="Bearer " + token.decode())


def http_sign_up():
    form = "username=anna&email=anna%40example.com&password=" + CANARY
    return {
        "signup": wire(signup()),
        "signup_escaped": wire(signup("a\\u006ena\\u00e4", CANARY + "\\n")),
        "signup_form": wire(request("POST", "/api/auth/signup/", form,
                                    "application/x-www-form-urlencoded; charset=utf-8")),
        "signup_key": wire(signup(Idempotency_Key="0b1c")),
        "signup_key_same": wire(signup(Idempotency_Key="0b1c"), [0, 4]),
        "signup_key_differs": wire(signup(Idempotency_Key="0b1c"), [0, 8]),
        "signup_key_empty": wire(signup(Idempotency_Key="")),
        "signup_taken": wire(signup(), [0, 3]),
        "signup_lost": wire(signup(), [0, 0, DUPLICATE, 3]),
        "signup_lost_key": wire(signup(Idempotency_Key="0b1c"), [0, 0, DUPLICATE, 4]),
        "signup_any_answer": wire(signup(), [ANY_BYTES, 3, 1, 2, 3]),
        "signup_any_answer_2": wire(signup(), [0, 0, ANY_BYTES, 0]),
        "signup_store_dies": wire(signup(), [DIES, 0, 0, DIES, 0]),
        "signup_condemned": wire(signup(), [0, 0, CONDEMNED]),
        "signup_twice": wire(signup(), [TWICE, 0, OF_ANOTHER]),
        "signup_busy": wire(signup() + signup(), [BUSY, 0, 0, POISON]),
        "signup_in_pieces": wire(signup(), pauses=(60, 200)),
        "signup_vanishes": wire(signup(), choices=VANISH),
        "signup_half_closed": wire(signup(), choices=HALF_CLOSE),
        "signup_leaving": wire(signup(), choices=LEAVING),
        "signup_wrong": wire(request("POST", "/api/auth/signup",
                                     '{"username":"a b","email":"a@b","password":"%s"}' % CANARY)),
        "signup_weak": wire(signup(password="password1")),
        "signup_short": wire(signup(password="a 1")),
        "signup_surrogate": wire(signup("\\ud800a", "\\ud800 1")),
        "signup_key_bad": wire(signup(Idempotency_Key="a\tb")),
        "signup_not_form": wire(request("POST", "/api/auth/signup", b"a=%ff",
                                        "application/x-www-form-urlencoded")),
        "signup_lost_any_answer": wire(signup(), [0, 0, DUPLICATE, 9, 0, 0, ANY_BYTES, 1, 1]),
        "signup_long": wire(signup(password="x" * 1100)),
        "signup_numbers": wire(request("POST", "/api/auth/signup",
                                       '{"username":1e3,"email":null,"password":[1,{"a":true}]}')),
        "signup_not_json": wire(request("POST", "/api/auth/signup", '{"username":')),
        "signup_list": wire(request("POST", "/api/auth/signup", "[1]")),
        "signup_no_body": wire(request("POST", "/api/auth/signup")),
        "signup_multipart": wire(request("POST", "/api/auth/signup", "x", "multipart/form-data")),
    }


def http_sessions():
    access, refresh = claims("access", sid=SESSION), claims("refresh", sid=SESSION)
    return {
        "login": wire(login()),
        "login_throttled": wire(forwarded(login(), b"198.51.100.7") * 2),
        "login_forwarded": wire(forwarded(login(), b"evil, 2001:db8::1, [2001:db8:9::1]:443 ")),
        "login_forwarded_garbage": wire(forwarded(login(), b"192.0.2.1, 192.0.2.300")),
        "login_email": wire(login("email")),
        "login_given_up": wire(login(), choices=HALF_CLOSE | LOOKS),
        "login_vanished": wire(login(), choices=VANISH | LOOKS),
        "login_rehash_refused": wire(login(), [0, 0, 0, 0, 0, SPENT]),
        "login_wrong": wire(login(password="another one")),
        "login_nobody": wire(login(), [NOT_FOUND]),
        "login_any_answer": wire(login() * 2, [ANY_BYTES, 2, 1, 1, REFUSED]),
        "login_refused_late": wire(login(), [0, 0, 0, 0, POISON]),
        "login_no_form": wire(request("POST", "/api/auth/login", "{")),
        "login_after_condemned": wire(login() * 2, [CONDEMNED]),
        "login_inactive": wire(login(), [0, 0, 1]),
        "login_unverified": wire(login(), [0, 0, 2], VERIFIED_ONLY),
        "login_unreadable": wire(login(), [0, 0, 4, 3] + list(b"abc")),
        "login_subject": wire(login(), [0, 0, 0, 2] + list(b"42")),
        "login_deleted": wire(login(), [0, 0, 0, 0, NOT_FOUND]),
        "login_twice_in_one": wire(login() + login("email"), pauses=(128, 128)),
        "login_agent": wire(request("POST", "/api/auth/login", '{"username":"anna","password":"%s"}'
                                    % CANARY, User_Agent="curl/7.88.1")),
        "login_long": wire(login(password="y" * 1100)),
        "refresh": wire(with_token("/api/auth/token/refresh", "refresh", jwt(refresh))),
        "refresh_foreign": wire(with_token("/api/auth/token/refresh", "refresh",
                                           jwt(claims("refresh")))),
        "refresh_no_subject": wire(with_token("/api/auth/token/refresh", "refresh", jwt(
            {"token_type": "refresh", "exp": FAR, "jti": "a"}))),
        "refresh_busy": wire(with_token("/api/auth/token/refresh", "refresh", jwt(refresh)), [BUSY]),
        "refresh_spent": wire(with_token("/api/auth/token/refresh", "refresh", jwt(refresh)),
                              [SPENT]),
        "refresh_reused_told": wire(with_token("/api/auth/token/refresh", "refresh", jwt(refresh)),
                                    [SPENT, 0]),
        "refresh_unchanged": wire(with_token("/api/auth/token/refresh", "refresh", jwt(refresh)),
                                  [0, 1]),
        "logout": wire(with_token("/api/auth/logout", "refresh", jwt(refresh))),
        "logout_spent": wire(with_token("/api/auth/logout", "refresh", jwt(claims("refresh"))),
                             [NOT_FOUND]),
        "sessions": wire(bearing("GET", "/api/auth/sessions", jwt(access)),
                         [0, 0, 0, 5, 1] + [0] * 16 + [3] + list(b"a\xffb") + [0, 4, 2]),
        "sessions_head": wire(bearing("HEAD", "/api/auth/sessions", jwt(access)), [0, 0, 0, 14]),
        "sessions_away": wire(bearing("GET", "/api/auth/sessions", jwt(access)), [0, 0, BUSY]),
        "sessions_any_answer": wire(bearing("GET", "/api/auth/sessions", jwt(access)),
                                    [0, 0, ANY_BYTES, 4, 1, 2, 3, 4]),
        "sessions_end": wire(bearing("DELETE", "/api/auth/sessions", jwt(access))),
        "session_end": wire(bearing("DELETE", "/api/auth/sessions/" + SESSION, jwt(access))),
        "session_end_nobodys": wire(bearing("DELETE", "/api/auth/sessions/" + SESSION, jwt(access)),
                                    [0, 0, NOT_FOUND]),
        "session_end_no_id": wire(bearing("DELETE", "/api/auth/sessions/%41", jwt(access))),
        "export": wire(bearing("GET", "/api/auth/me/export", jwt(access)),
                       [0, 0, 0, 2, 100, 101] + [0] * 12 + [0, 2, 1] + [0] * 20 + [0, 10]),
        "export_gone": wire(bearing("GET", "/api/auth/me/export", jwt(access)), [0, 0, NOT_FOUND]),
        "refresh_with_access": wire(with_token("/api/auth/token/refresh", "refresh", jwt(access))),
        "verify_access": wire(with_token("/api/auth/token/verify", "token", jwt(access))),
        "verify_foreign": wire(with_token("/api/auth/token/verify", "token",
                                          jwt(claims("access")))),
        "verify_refresh": wire(with_token("/api/auth/token/verify", "token", jwt(refresh)), [SPENT]),
        "verify_bad": wire(with_token("/api/auth/token/verify", "token", jwt(access)[:-3])),
        "me": wire(me(jwt(access))),
        "me_drawn": wire(me(jwt(access)), [0, 1, 12, 1, 0x37, 2, 0xc3, 0xa4, 4] + list(b"a@bc")
                         + [0x7f] * 16),
        "me_inactive": wire(me(jwt(access)), [0, 0, 1]),
        "me_unknown": wire(me(jwt(access)), [NOT_FOUND]),
        "me_spent": wire(me(jwt(access)), [SPENT]),
        "me_any_answer": wire(me(jwt(access)), [ANY_BYTES, 1, 9]),
        "me_post": wire(me(jwt(access), "POST")),
        "me_head": wire(me(jwt(access), "HEAD") + me(jwt(access))),
        "me_no_token": wire(request("GET", "/api/auth/me")),
        "me_broken": wire(request("GET", "/api/auth/me", Authorization="Bearer a b")),
        "me_no_subject": wire(me(jwt({"token_type": "access", "exp": FAR, "jti": "a"}))),
        "me_expired": wire(me(jwt({**access, "exp": 1700000001}))),
        "me_kid": wire(me(jwt(access, {"alg": "HS256", "typ": "JWT", "kid": "1"}))),
    }


def http_letters_and_health():
    token = proof_token()
    return {
        "verify_email": wire(with_token("/api/auth/verify-email", "token", token)),
        "verify_email_spent": wire(with_token("/api/auth/verify-email", "token", token), [SPENT]),
        "verify_email_other": wire(with_token("/api/auth/verify-email", "token", proof_token(2))),
        "page": wire(request("GET", "/verify-email?token=" + token.decode())),
        "page_head": wire(request("HEAD", "/verify-email?a=%20&token=" + token.decode())),
        "page_dead": wire(request("GET", "/verify-email?token=%41")),
        "page_post": wire(request("POST", "/verify-email", b"token=" + token,
                                  "application/x-www-form-urlencoded")),
        "page_post_spent": wire(request("POST", "/verify-email", b"token=" + token,
                                        "application/x-www-form-urlencoded"), [SPENT]),
        "page_post_busy": wire(request("POST", "/verify-email", b"token=" + token,
                                       "application/x-www-form-urlencoded"), [BUSY]),
        "page_post_json": wire(request("POST", "/verify-email", "{}")),
        "resend": wire(request("POST", "/api/auth/verify-email/resend",
                               '{"email":"anna@example.com"}')),
        "resend_nobody": wire(request("POST", "/api/auth/verify-email/resend",
                                      '{"email":"anna@b\u00fccher.example"}'), [NOT_FOUND]),
        "resend_refused": wire(request("POST", "/api/auth/verify-email/resend",
                                       '{"email":"anna@example.com"}'), [REFUSED]),
        "resend_vanishes": wire(request("POST", "/api/auth/verify-email/resend",
                                        '{"email":"anna@example.com"}'), choices=VANISH),
        "healthz": wire(request("GET", "/healthz")),
        "readyz": wire(request("GET", "/readyz"), choices=MAILER),
        "readyz_not": wire(request("GET", "/readyz"), [CONDEMNED], DISK_FULL),
        "metrics": wire(request("GET", "/metrics")),
        "metrics_options": wire(request("OPTIONS", "/metrics")),
        "metrics_post": wire(request("POST", "/metrics", "")),
        "options": wire(request("OPTIONS", "/api/auth/login")),
        "not_there": wire(request("GET", "/api/auth/../login?x")),
        "absolute": wire(request("GET", "http://id.example.org/healthz?a")),
        "method": wire(request("BREW", "/api/auth/login")),
        "request_id": wire(request("GET", "/healthz", X_Request_Id="a.b-c_1")),
        "request_id_bad": wire(request("GET", "/healthz", X_Request_Id="a b")),
    }


def http_heads():
    chunked = (b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
    health = request("GET", "/healthz")
    long_body = b'{"username":"' + b"a" * 16500 + b'"}'
    return {
        "pipelined": wire(health * 4 + login() + health, pauses=(100, 200)),
        "pipelined_heads": wire(request("HEAD", "/healthz") * 3 + health),
        "chunked": wire(chunked + b"5\r\n{\"a\":\r\n2;x=y\r\n1}\r\n0\r\nA: b\r\n\r\n" + health),
        "chunked_bad": wire(chunked + b"0x5\r\n{\"a\":\r\n"),
        "chunked_login": wire(chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (
            len(CANARY.encode()) + 33,
            b'{"username":"anna","password":"%s"}' % CANARY.encode()), pauses=(200, 100)),
        "http_1_0": wire(b"GET /healthz HTTP/1.0\r\n\r\n"),
        "http_1_0_keep": wire(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + health),
        "close": wire(request("GET", "/healthz", Connection="close") + health),
        "upgrade": wire(request("GET", "/healthz", Connection="Upgrade, HTTP2-Settings",
                                Upgrade="h2c", HTTP2_Settings="AAMAAABkAAQAAP__")),
        "prior_knowledge": wire(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
        "expect": wire(login().replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1),
                       pauses=(170, 0)),
        "expect_other": wire(request("GET", "/healthz", Expect="200-ok")),
        "two_lengths": wire(login().replace(b"Host", b"Content-Length: 3\r\nHost", 1)),
        "length_and_coding": wire(login().replace(b"Host", b"Transfer-Encoding: chunked\r\nHost", 1)),
        "two_hosts": wire(request("GET", "/healthz", Host="b")),
        "no_host": wire(b"GET /healthz HTTP/1.1\r\n\r\n"),
        "bad_host": wire(b"GET /healthz HTTP/1.1\r\nHost: a@b/c\r\n\r\n" + health),
        "bare_lf": wire(b"GET /healthz HTTP/1.1\nHost: a\n\n"),
        "folded": wire(b"GET /healthz HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"),
        "not_http": wire(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)),
        "blank_line_first": wire(b"\r\n" + health),
        "many_headers": wire(request("GET", "/healthz", **{"A%d" % i: "b" for i in range(110)})),
        "long_authorization": wire(me(b"x" * 4300)),
        "long_length": wire(request("POST", "/api/auth/login", "x").replace(
            b"Length: 1", b"Length: 99999999999999999999")),
        "long_body": wire(request("POST", "/api/auth/login", long_body), pauses=(10, 250)),
        "cut_short": wire(login()[:-9], choices=HALF_CLOSE),
    }


def http_browsers():
    refresh = jwt(claims("refresh", sid=SESSION)).decode()
    target, cookie = "/api/auth/token/refresh", "__Host-refresh=" + refresh
    own, listed = "https://accounts.example", "https://app.example"
    form = "application/x-www-form-urlencoded"
    secret = '{"username":"anna","password":"%s"}' % CANARY
    login = "/api/auth/login"
    return {
        "preflight": wire(request("OPTIONS", target, Origin=listed, Access_Control_Request_Method="POST")),
        "preflight_foreign": wire(request("OPTIONS", target, Origin="null",
                                          Access_Control_Request_Method="POST")),
        "two_origins": wire(request("OPTIONS", target, Origin=own, origin=listed)),
        "cross_origin": wire(request("GET", "/api/auth/me", Origin=listed)),
        "login_cookie": wire(request("POST", login, secret, Origin=own)),
        "login_cookie_foreign": wire(request("POST", login, secret, Sec_Fetch_Site="cross-site")),
        "login_cookie_form": wire(request("POST", login, "username=anna&password=" + CANARY, form,
                                          Origin=listed)),
        "cookie": wire(request("POST", target, "{}", Sec_Fetch_Site="same-origin", Cookie=cookie)),
        "cookie_spent": wire(request("POST", target, "{}", Origin=listed, Cookie="a=b; " + cookie), [SPENT]),
        "cookie_foreign": wire(request("POST", target, "{}", Sec_Fetch_Site="same-site", Cookie=cookie)),
        "cookie_alone": wire(request("POST", target, "{}", Cookie=cookie)),
        "cookie_form": wire(request("POST", target, "", form, Origin=own, Cookie=cookie)),
        "two_cookies": wire(request("POST", target, "{}", Origin=own, Cookie=cookie, cookie=cookie)),
        "cookie_odd": wire(request("POST", target, "{}", Origin=own, Cookie=";; =; \t__Host-refresh=;")),
        "keys": wire(request("GET", "/.well-known/jwks.json", Origin=listed)),
        "openapi": wire(request("GET", "/openapi.json/?a", Origin=listed) + request("HEAD", "/openapi.json")),
    }


def seeds():
    return {**http_sign_up(), **http_sessions(), **http_letters_and_health(), **http_heads(),
            **http_browsers()}
