#!/usr/bin/python3
"""Makes the seeds that nobody can write by hand: those with lengths, signatures and packed messages.

    tests/fuzz/seeds.py             writes them into tests/fuzz/corpus/

They keep their names, so a run after a change of a format replaces what has become useless. What a
fuzzer found stays beside them under the name that says what it was."""
import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import seeds_http
import seeds_handover
import seeds_mail
from seeds_store import DAY, NOW, store_requests
from seeds_parts import FAR, SESSION, claims, jwt, me, pack, proof_token, request, uuid

CORPUS = Path(__file__).with_name("corpus")


def write(target, seeds):
    folder = CORPUS / target
    folder.mkdir(exist_ok=True)
    for name, content in seeds.items():
        (folder / name).write_bytes(content)


def tokens():
    compact = lambda value: json.dumps(value, separators=(",", ":")).encode()
    header, access = {"alg": "HS256", "typ": "JWT"}, claims("access", sid=SESSION)
    two = lambda header, payload: b"\4" + compact(header) + b"\0" + compact(payload)
    return {
        "signed": b"\0" + jwt(access),
        "signed_refresh": b"\0" + jwt(claims("refresh", sid=SESSION)),
        "signed_none": b"\0" + jwt(access, {"alg": "none", "typ": "JWT"}),
        "signed_hs512": b"\0" + jwt(access, {"alg": "HS512", "typ": "JWT"}),
        "letter": b"\3" + proof_token(),
        "letter_other": b"\3" + proof_token(2),
        "two_parts": two(header, access),
        "two_parts_bad_sid": two(header, {**access, "sid": "x"}),
        "two_parts_user_number": two(header, {**access, "user_id": 7}),
        "two_parts_user_float": two(header, {**access, "user_id": 7.5}),
        "two_parts_user_null": two(header, {**access, "user_id": None}),
        "two_parts_user_long": two(header, {**access, "user_id": "u" * 65}),
        "two_parts_nbf": two(header, {**access, "nbf": 1800000031, "iat": 1800000029}),
        "two_parts_exp_float": two(header, {**access, "exp": 1800000000.5}),
        "two_parts_exp_text": two(header, {**access, "exp": "1800000900"}),
        "two_parts_no_jti": two(header, {"token_type": "access", "exp": FAR}),
        "two_parts_long_jti": two(header, {**access, "jti": "j" * 33}),
        "two_parts_other_type": two(header, {**access, "token_type": "sliding"}),
        "two_parts_crit": two({**header, "crit": ["exp"]}, access),
        "two_parts_typ": two({"alg": "HS256", "typ": "at+jwt"}, access),
        **{"key_" + alg.lower(): bytes([7, number]) + compact({"alg": alg, "kid": kid, "typ": "JWT"}) +
           b"\0" + compact(access)
           for number, (kid, alg) in enumerate([("hs-1", "HS256"), ("es-1", "ES256"), ("rs-1", "RS256"),
                                                ("ed-1", "EdDSA")], 1)},
        "key_other_alg": bytes([7, 2]) + compact({"alg": "HS256", "kid": "es-1"}) + b"\0" + compact(access),
        "key_other_kid": bytes([7, 2]) + compact({"alg": "ES256", "kid": "rs-1"}) + b"\0" + compact(access),
        "key_jwk": bytes([7, 2]) + compact({"alg": "ES256", "kid": "es-1", "jwk": {}}) + b"\0" + compact(access),
        "key_path": two({**header, "kid": "../../dev/null"}, access),
        "key_empty": two({**header, "kid": ""}, access),
        **{f"signature_{number}": bytes([8, number]) + bytes(63) + b"\1" for number in range(5)},
        "signature_order": bytes([8, 2]) + bytes.fromhex(
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") * 2,
        "claims": bytes([5, 1, 3, 1, 0x93, 5]) + "käthe"[:4].encode(),
        "claims_escapes": bytes([5, 0, 0, 0, 0, 6]) + b'"\\\x01<>\x7f',
        "proof": bytes([6, 1]) + bytes(range(16)) + b"\5",
    }


def configurations():
    lines = ["http.listen = [::1]:0, unix:/run/g.sock, 127.0.0.1:65535", "http.workers=32",
             "http.public_url=https://[2001:db8::1]:8443", "http.metrics_allow = 10.0.0.0/8,unix",
             "http.cors_origins = https://a.example:8443, http://[::1]:3000", "http.cookies = yes",
             "smtp.host=mail.example.org", "smtp.user=a", "smtp.tls=tls", "mail.from=a.b@c.example",
             "password.iterations=1", "password.allow_weak=yes", "mail.transport = smtp",
             "store.write_free_mib=1", "mail.retry_s = 900"]
    wrong = ["http.listen = 1.2.3.4:5,1.2.3.4:5", "http.listen=,", "http.listen=unix:a",
             "http.listen=::1:80", "http.public_url=https://a/b", "http.public_url=ftp://a",
             "http.workers = 0x1", "http.workers=33", "log.level = loud", "log.access=maybe",
             "mail.from = a..b@c", "mail.form=a@b.example", "htpp.workers=2", "nothing", "a.b",
             "http.cors_origins = https://a.example:443", "http.cors_origins = null,http://127.1",
             "http.metrics_allow = 10.0.0.0/33", "http.tls_cert = c.pem", "smtp.user=a",
             "smtp.tls=none", "smtp.host=mail.example.org", "store.write_free_mib=1000",
             "http.workers=" + "1" * 90, "log.file=\u00e4" + "b" * 2100]
    return {
        "overrides": "".join("-o %s\n" % line for line in lines).encode(),
        "overrides_wrong": "".join("-o %s\n" % line for line in wrong).encode(),
        **{"ini_wrong_%d" % i: "".join(
            "[%s]\n%s = %s\n" % (*line.split("=")[0].strip().split("."),
                                line.split("=", 1)[1].strip())
            for line in wrong[i::3] if "=" in line and "." in line.split("=")[0]).encode()
           for i in range(3)},
        "ini_lines": b"[http]\nworkers = 1 ; no\nworkers = \"1\"\nworkers=2\nworkers=3\n[http\n=\n"
                     + b"a" * 5000,
        "environment": b"GATEPOST_HTTP_WORKERS=2\nGATEPOST_HTTP_WORKER=2\nEMAIL_USE_TLS=on\n"
                       b"EMAIL_USE_TLS=perhaps\nEMAIL_HOST_PASSWORD=a\x01\nEMAIL_PORT=0\n"
                       b"GATEPOST_LOG_ACCESS=Off\nexport EMAIL_HOST='h.example'\n"
                       b"EMAIL_HOST_PASSWORD=" + b"p" * 1100 + b"\n",
        "relations": b"[http]\ntls_cert = a\n[smtp]\nuser = u\n[password]\niterations = 999\n"
                     b"[store]\nwrite_free_mib = 9\nsignup_free_mib = 8\n[mail]\nretry_s = 9\n"
                     b"retry_max_s = 8\nlifetime_s = 60\nsweep_s = 61\ntransport = smtp\n",
        "relations_password": b"[password]\nalgorithm = argon2id\nargon2_memory_kib = 2000\n"
                              b"argon2_passes = 1000\nargon2_lanes = 255\n",
        "relations_scrypt": b"[password]\nalgorithm = scrypt\nscrypt_log2_n = 20\nscrypt_r = 1\n"
                            b"scrypt_p = 255\n",
        "relations_smtp": b"[http]\ntls_key = a\n[smtp]\nhost = h.example\nuser = u\ntls = none\n",
    }


def heads():
    health = request("GET", "/healthz")
    kinds = ["application/json", "Application/JSON ; charset=UTF-8", "application/json;charset=latin-1",
             "application/x-www-form-urlencoded;charset=\"utf-8\";a", "application/json\0identity",
             "application/json\0 gzip", "text/plain"]
    targets = ["http://a/api/auth/me?b", "HTTPS://a", "https:///healthz", "http://a?/healthz",
               "/api/auth/login/", "/api/auth//login", "/"]
    raw = {
        "authorization_twice": request("GET", "/", Authorization="a", AUTHORIZATION="b"),
        "authorization_long": me(b"x" * 4300),
        "lengths": health.replace(b"Host", b"Content-Length: 1\r\ncontent-length: 1\r\nHost"),
        "coding_1_0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "coding": health.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"),
        "expect": request("GET", "/", Expect="100-continue "),
        "expect_other": request("GET", "/", Expect="x"),
        "blank_first": b"\r\n" + health,
        "host_bad": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "method_long": b"A" * 33 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
        "no_end": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 3000,
    }
    return {**raw, **{"type_%d" % i: kind.encode() for i, kind in enumerate(kinds)},
            **{"target_%d" % i: target.encode() for i, target in enumerate(targets)}}


def bodies():
    deep = '{"username":' + "[" * 5 + "]" * 5 + "}"
    return {
        "form": "username=anna&email=anna%40example.com&password=+a%20b+".encode(),
        "form_bad": b"username=%ff&password=%4&a&=b&&username=%",
        "long_email": ('{"email":"%s@%s.example"}' % ("a" * 250, "b" * 60)).encode(),
        "long_email_bad": ('{"email":"a b%s@c"}' % ("a" * 255)).encode(),
        "idn": '{"email":"anna@b\u00fccher.example","username":"\u00e4nna\u212b"}'.encode(),
        "surrogates": b'{"username":"\\ud83d\\ude00","email":"\\udc00@a.example","password":"\\ud800"}',
        "nul": b'{"username":"a\\u0000","email":"\\u0000","password":"\\u0000"}',
        "long_username": ('{"username":"%s\\u0000","password":" \\u3000\\u2028"}' % ("n" * 151)).encode(),
        "numbers": b'{"username":1.50e3,"email":-0,"password":1e400}',
        "blank": b'{"username":" ","email":null,"password":true}',
        "deep": deep.encode(), "list": b"[]", "text": b'"a"', "float": b"1.5", "integer": b"7",
        "true": b"true", "null": b"null", "twice": b'{"a":1,"a":2}',
    }


def letters():
    def job(name, to=b"anna@example.com", language=b"de", purpose=1):
        return pack([uuid(3)], (purpose, 1), [uuid(2)], to, name, language, NOW, NOW + DAY)
    return {
        "job_unicode": job("J\u00f6rg \u6f22\u5b57".encode()), "job_long": job(b"n" * 1024),
        "job_markup": job(b"<b>&\"'</b>"), "job_purpose": job(b"a", purpose=2),
        "job_control": job(b"a\r\nBcc: x"), "job_language": job(b"a", language=b"d\r\n"),
        "job_to": job(b"a", to=b"a@b\r\n.example"), "header_long": b"x" * 1000,
        "header_words": ("\u00e4\u6f22" * 60).encode(), "lines": b"a\n.\n..b \n" + b"c" * 1200 + b"=\n",
        "quoted": ("\u00e4. \n." + "." * 80 + " ").encode(),
    }


def templates():
    """The first byte: which file (layout, button, note, letter, subject)."""
    mail = CORPUS.parents[2] / "conf" / "mail"
    files = {name: bytes([role]) + (mail / f"{name}.html").read_bytes()
             for role, name in enumerate(["layout", "button", "note"])}
    return {
        **files, "letter": b"\3<p title='{name}'>{name}</p>{button: {{x} {to}}<a href=\"https://x/?a={name}\">{note: y}</a>",
        "text": b"\3Hello {name},\n\n{link}\n\n{note:\n{until}}", "subject": b"\4{when} {site} {to} {{ <a> & b",
        "braces": b"\3{{{name}}}{{{{}}{link}{", "nested": b"\3{note: {button: {note: {{}}}}",
        "comment": b"\3<!-- {name} --", "style": b"\3<style a>{name}</style><script>",
        "bare": b"\3<a href={link} {name}=''>", "no_link": b"\x83a {when}\n",
    }


def replies():
    return {
        "unexpected_code": bytes([0]) + b"220 a\r\n250 b\r\n999 c\r\n",
        "data_refused": bytes([0]) + b"250 ok\r\n250 ok\r\n554 no\r\n",
        "recipient_later": bytes([1]) + b"250-a\r\n250 ok\r\n450 later\r\n",
        "short_line": bytes([0]) + b"25\r\n",
        "session": bytes([5 << 2 | 3]) + b"220 a\r\n250-b\r\n250-PIPELINING\r\n250 c\r\n250 d\r\n"
                   b"250 e\r\n354 f\r\n250 g\r\n",
        "bad_minus": bytes([0]) + b"250-a\r\n251 b\r\n25x c\r\n", "eight_bit": b"\0451 \xff\x00\r\n",
        "long": bytes([0]) + b"450 " + b"l" * 3000 + b"\r\n",
    }


# ---- store_client: is there a store, then moves -----------------------------------------------------
TAKE, DIES_NOW, LIVES = bytes([3]), bytes([5]), bytes([6])


def ask_move(request=2, length=0, deadline_ms=100):
    return bytes([0, request, length, deadline_ms])


def poll(ms=1):
    return bytes([1, ms])


def answer_move(status=0, payload=b""):
    return bytes([2, len(payload)]) + payload + bytes([status])


def other(sequence, status=0):
    return bytes([4, sequence, 0, status])


def store_client_moves():
    here, away = b"\1", b"\0"
    return {
        "answered": here + ask_move() + answer_move(0, b"abc") + poll(),
        "out_of_turn": here + ask_move() * 3 + other(2) + other(2) + other(9) + poll(),
        "answered_before_it_was_taken": here + ask_move() + other(1) + poll() + answer_move(),
        "store_dies_with_it": here + ask_move() * 2 + TAKE + DIES_NOW + poll() + answer_move() * 2
                              + poll(),
        "dies_twice": here + ask_move() + TAKE + DIES_NOW + poll() + TAKE + DIES_NOW + poll()
                      + answer_move() + poll(),
        "first_store_late": away + ask_move(3, 1, 200) + poll(10) + DIES_NOW + poll() + answer_move()
                            + poll(),
        "expires_unsent": away + ask_move(3, 1, 5) * 2 + poll(6) + DIES_NOW + poll() + TAKE,
        "expires_sent": here + ask_move(3, 1, 5) + TAKE + poll(9) + ask_move() + TAKE + other(1) + poll(),
        "expires_sent_then_another_store": here + ask_move(3, 1, 5) + TAKE + poll(9) + DIES_NOW + poll(),
        "lane_full": here + ask_move(3, 255, 90) * 20 + poll() + (LIVES + ask_move(3, 255, 90)) * 4
                     + answer_move() * 12 + poll() + answer_move() * 20 + poll(99),
        "heads": here + bytes([7, 9, 0, 0, 0, 0, 0, 0, 0, 1, 7]) + bytes([7, 9] + [9] * 9)
                 + bytes([7, 26]) + bytes(26),
    }


def hostile_lanes():
    def lane(tail, head, choices, content):
        return struct.pack("<QQB", tail, head, choices) + content
    return {
        "next_tenant": lane(5, 2**64 - 3, 0x38, b"abc"),
        "next_tenant_at_the_end_of_numbers": lane(2**64 - 8, 2**64 - 8, 0xf9, b"abc" * 30),
        "next_tenant_largest_records": lane(131064, 131064, 0xff, b"z" * 100),
    }


# ---- pbkdf2: how many chains; iterations, password and salt length of each; steps; their bytes -------
def chains(*examples, steps, text=b"pass phrase and salt"):
    return (bytes([len(examples) - 1]) + b"".join(bytes(example) for example in examples)
            + text + steps)


def pbkdf2_chains():
    edges = [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 159, 160, 255]
    kernels = bytes(kernel | iterations << 3 for iterations in (0, 2, 30) for kernel in range(8))
    return {
        "one": chains((0, 8, 4), steps=b"\0"),
        "edges_of_blocks": chains(*((i, length, length) for i, length in enumerate(edges)),
                                  steps=kernels),
        "every_kernel_in_turn": chains(*((40 + i % 7, 11 + i, 22) for i in range(16)),
                                       steps=kernels),
        "pairs": chains((47, 12, 22), (46, 200, 22), steps=b"\5\x0d\5\xfd"),
    }


# ---- password_form: text ---------------------------------------------------------------------------
def password_forms():
    """One of each form, of the cheapest, and some on their bounds."""
    a, b = "c2FsdHNhbHQ", "A" * 43
    argon2 = "v=19$m=8,t=1,p=1$%s$%s" % (a, b)
    bcrypt = "$2b$04$MNOPQRSTUVWXYZabcdefgu" + "b" * 30 + "u"
    forms = {
        "sha1": "pbkdf2_sha1$1$s$" + "A" * 27 + "=", "argon2id": "argon2$argon2id$" + argon2,
        "argon2i": "argon2$argon2i$" + argon2, "argon2d_16": "$argon2d$m=8,t=1,p=1$%s$%s" % (a, b),
        "argon2_bounds": "$argon2id$v=19$m=262144,t=4,p=255$%s$%s" % (a, b), "phc_argon2id": "$argon2id$" + argon2,
        "scrypt": "scrypt$2$s$1$1$" + "A" * 86 + "==", "scrypt_bounds": "scrypt$262144$s$8$2$" + "A" * 86 + "==",
        "phc_scrypt": "$scrypt$ln=1,r=1,p=1$cw$" + b, "ab64": "$pbkdf2-sha256$1$cw$" + b,
        "phc_pbkdf2": "$pbkdf2-sha256$i=1,l=32$cw$" + b, "bcrypt": "bcrypt$" + bcrypt,
        "bcrypt_sha256": "bcrypt_sha256$" + bcrypt, "2b": bcrypt, "2a": bcrypt.replace("b", "a", 1),
        "sha256_crypt": "$5$rounds=1000$s$" + b, "sha512_crypt": "$6$s$" + b * 2,
        "yescrypt": "$y$j75$z7ztFz2FayrKI79/jEwlL.$" + b, "yescrypt_bounds": "$y$jDT$$" + b,
    }
    return {name: form.encode() for name, form in forms.items()}


def main():
    write("pbkdf2", pbkdf2_chains())
    write("password_form", password_forms())
    write("store_client", store_client_moves())
    write("lane", hostile_lanes())
    write("token", tokens())
    write("config", configurations())
    write("head", heads())
    write("body", bodies())
    write("letter", letters())
    write("letter_template", templates())
    write("smtp_reply", replies())
    write("lmtp", seeds_mail.sessions())
    write("report", seeds_mail.reports())
    write("handover", seeds_handover.handovers())
    write("store_request", store_requests())
    write("http", seeds_http.seeds())


if __name__ == "__main__":
    main()
