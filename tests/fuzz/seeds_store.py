"""Seeds of the store's requests: choices, then (number, length, ask), one after the other."""
import struct

from seeds_parts import pack, uuid

NOW = 4102444800000  # of the rig's sign-up
DAY = 86400000
SIGNED_UP, WITH_SESSION = 1, 3
RIG_PASSWORD = (b"pbkdf2_sha256$600000$abcdefghijklmnopqrstuv$"
                b"0123456789012345678901234567890123456789abc=")
OPENED_DIGEST = b"the digest of a refresh token's\0"


def uuid_text(raw):
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode()


def asks(choices, *requests):
    return bytes([choices]) + b"".join(bytes([number]) + struct.pack(">H", len(ask)) + ask
                                       for number, ask in requests)


def refresh_ask(session, adopt, subject, old, later=0, new=b"n" * 32):
    return 8, pack([session], (adopt, 1), subject, old, new, NOW + DAY, NOW + DAY, (10000, 4), (100, 4),
                   [uuid(8)], (3, 4), (3600, 4), b"192.0.2.1", NOW + later)


def logout_ask(session, adopt, subject):
    return 22, pack([session], (adopt, 1), subject, NOW + DAY, b"192.0.2.1", NOW)


def end_ask(user, every, session):
    return 21, pack([user], (every, 1), [session], b"192.0.2.1", NOW)


def check_ask(session, adopted=0, digest=b""):
    return 9, pack([session], (adopted, 1), digest, NOW)


def spend_ask(proof, purpose=1):
    return 4, pack([proof], (purpose, 1), [uuid(9)], b"192.0.2.1", NOW)


def credentials_ask(name, email=b""):
    return 6, pack(b"", name, email, b"192.0.2.1", NOW)


def change_asks(now, window=3600):
    """The bearer's own changes, by that clock: a password, an address twice, another letter, the end."""
    user, unix = uuid(1), (b"192.0.2.1", now)

    def address(number):
        return 17, pack([user], RIG_PASSWORD, b"", b"", b"new@example.net", b"new@example.net", (1, 1), b"fr", (0, 1),
                        [uuid(number)], now, [uuid(number + 1)], [uuid(number + 2)], (1, 4), (window, 4), *unix)

    renew = 5, pack(b"person0@example.com", (1, 1), b"ja", [uuid(50)], now, [uuid(51)], (1, 4), (window, 4), *unix)
    return ((16, pack([user], RIG_PASSWORD, RIG_PASSWORD, (0, 1), [uuid(4)], [uuid(30)], *unix)),
            address(32), address(36), renew,
            (18, pack([user], RIG_PASSWORD, [uuid(40)], *unix)))


def rehash_ask(user, old, new=b"pbkdf2_sha256$2000$c2FsdA$bmV3"):
    return 13, pack([user], old, new)


def signup_ask(number, name, email, conceal):
    """Of new ids from number on, with a letter to the address."""
    proof, job = uuid(number + 1), uuid(number + 2)
    letter = pack([job], (1, 1), [proof], email, name, b"en", NOW, NOW + DAY)
    return 3, pack([uuid(number)], name, name, email, email, RIG_PASSWORD, [proof], NOW + DAY, [job], letter,
                   b"", b"", b"192.0.2.1", (conceal, 1), (2, 4), (3600, 4), NOW)


def admin_requests():
    """Administration: the account of the sign-up, by each of its names."""
    unix, one = (b"unix", NOW), uuid_text(uuid(1))
    change = lambda changes, form=b"", name=b"": (43, pack(one, b"", b"", (changes, 1), (0, 1), (1, 1),
                                                           form, name, name, *unix))
    add = 42, pack([uuid(8)], b"Anna", b"anna", b"anna@example.com", b"anna@example.com", b"!none",
                   (1, 1), (0, 1), *unix)
    end = lambda all_of_them, session: (46, pack(one, b"", b"", (all_of_them, 1), [session], *unix))
    listing = 40, pack(b"", b"", (10, 4))
    return {
        "admin_list": asks(SIGNED_UP, add, listing, (40, pack(one, b"anna", (1, 4))), (40, pack(b"", b"", (0, 4)))),
        "admin_show": asks(SIGNED_UP, (41, pack(one, b"", b"")), (41, pack(b"", b"person0", b"")), add,
                           (41, pack(one, b"anna", b"")), (41, pack(b"", b"", b"anna@example.com"))),
        "admin_add_twice": asks(SIGNED_UP, add, add, listing),
        "admin_change": asks(WITH_SESSION, change(2), change(8, b"", b"other"), change(12, RIG_PASSWORD, b"anna"),
                             change(1), change(4), listing),
        "admin_delete": asks(WITH_SESSION, (44, pack(b"", b"person0", b"", *unix)), listing,
                             (44, pack(one, b"", b"", *unix))),
        "admin_sessions": asks(WITH_SESSION, (45, pack(one, b"", b"", [bytes(16)], NOW)), end(0, uuid(5)),
                               end(0, uuid(4)), end(1, bytes(16))),
    }


def trail_requests():
    """The audit trail, and accounts that move in and out."""
    def moved(number, subject, name, email, password=RIG_PASSWORD):
        return pack([uuid(number)], subject, name, name, email, email, password, (1, 1), (1, 1), NOW, 0, b"de-AT",
                    b'{"first_name":"Ada"}')

    def import_ask(dry_run, *rows):
        return 36, pack((dry_run, 1), b"".join(pack(row) for row in rows), b"unix", NOW)

    def page(by_user, subject=b"", after=b""):
        return 31, pack(after, 0, (0, 1), (10, 4), (by_user, 1), subject, b"", b"", [bytes(16)])
    ada, bob = moved(20, b"17", b"ada", b"ada@example.com"), moved(21, b"", b"bob", b"")
    note = 30, pack((31, 1), [uuid(1)], b"192.0.2.1", b"password")
    return {
        "audit": asks(SIGNED_UP, note, page(0), page(1, uuid_text(uuid(1))), page(1, b"nobody"),
                      page(0, b"", bytes(16)), (30, pack((1, 1), [uuid(1)], b"", b""))),
        "audit_verify": asks(SIGNED_UP, note, (32, pack(b"", b"", (0, 1))), (32, pack(bytes(16), bytes(32), (1, 1)))),
        "moved_in": asks(SIGNED_UP, import_ask(1, ada, bob), import_ask(0, ada, bob), import_ask(0, ada, bob),
                         import_ask(0, moved(22, b"18", b"ada", b"bob@example.com")), (37, pack([bytes(16)])),
                         page(0)),
        "moved_in_by_half": asks(0, import_ask(0, ada, moved(21, b"", b"bob", b"", b""))),
    }


def settle_ask(verdict, reply, relay=b"smtp"):
    return 12, pack([uuid(3)], (verdict, 1), NOW + DAY, reply, relay, NOW)


def bounce_ask(kind, recipient=b"", detail=b"5.1.1 nobody"):
    return 25, pack([uuid(3)], (kind, 1), recipient, detail, NOW)


def mail_filter(states=0, purpose=0, email_key=b"", domain=b"", since=0, due=0):
    return pack((states, 1), (purpose, 1), email_key, domain, since, due)


def mail_change(change, job_id=bytes(16), chosen=mail_filter(), after=bytes(16)):
    return 52, pack((change, 1), [job_id], chosen, [after], b"unix", NOW)


def mail_requests():
    """What comes back of the sign-up's letter, and what an operator sees of it and does."""
    address, everything = b"person0@example.com", bytes(16)
    listed = 50, pack(mail_filter(), [everything], (100, 4))
    shown = 51, pack([uuid(3)])
    state, suppressions = (53, pack(NOW)), (55, pack(b"", (10, 4)))
    renew = 5, pack(address, (1, 1), b"ja", [uuid(50)], NOW, [uuid(51)], (9, 4), (3600, 4), b"192.0.2.1", NOW)
    return {
        "bounced": asks(SIGNED_UP, settle_ask(0, b"250 taken"), shown, bounce_ask(0, address), bounce_ask(0, address),
                        shown, suppressions, renew, listed, spend_ask(uuid(50)), suppressions),
        "complained": asks(SIGNED_UP, settle_ask(0, b"250 taken"), bounce_ask(1), bounce_ask(2), bounce_ask(0),
                           bounce_ask(0, b"other@example.com"), bounce_ask(3), shown, suppressions),
        "bounced_while_it_waits": asks(SIGNED_UP, settle_ask(1, b"451 later"), bounce_ask(0), listed,
                                       mail_change(0, uuid(3)), mail_change(0)),
        "listed": asks(SIGNED_UP, listed,
                       (50, pack(mail_filter(1, 1, address, b"", NOW, NOW + 1), [everything], (1, 4))),
                       (50, pack(mail_filter(6, 0, b"", b"example.com"), [uuid(3)], (0, 4))), shown, state),
        "retried": asks(SIGNED_UP, settle_ask(2, b"550 no"), mail_change(0, uuid(3)), shown, settle_ask(2, b"550 no"),
                        mail_change(0, chosen=mail_filter(2)), mail_change(2), state, listed),
        "cancelled": asks(SIGNED_UP, mail_change(1, uuid(3)), shown, mail_change(1), mail_change(3), look_at_outbox()),
        "paused": asks(SIGNED_UP, (54, pack((1, 1), b"unix", NOW)), (54, pack((1, 1), b"unix", NOW)), state,
                       (54, pack((0, 1), b"unix", NOW)), (54, pack((2, 1), b"unix", NOW))),
        "suppressed": asks(SIGNED_UP, (56, pack(b"Person0@Example.com", b"asked us", b"unix", NOW)), suppressions,
                           listed,
                           (57, pack(address, b"unix", NOW)), (57, pack(address, b"unix", NOW)), suppressions),
    }


def look_at_outbox():
    return 11, pack(0, [bytes(16)], NOW + 10 * DAY)


def store_requests():
    user, session, foreign = uuid(1), uuid(4), uuid(5)
    subject = uuid_text(user)
    renew = 5, pack(b"person0@example.com", (1, 1), b"pt-BR", [uuid(6)], NOW + DAY, [uuid(7)], (3, 4), (3600, 4),
                    b"192.0.2.1", NOW)
    look = look_at_outbox()
    return {
        **admin_requests(),
        **trail_requests(),
        **mail_requests(),
        "refresh": asks(WITH_SESSION, refresh_ask(session, 0, subject, OPENED_DIGEST)),
        "refresh_twice": asks(WITH_SESSION, *[refresh_ask(session, 0, subject, OPENED_DIGEST)] * 2),
        "refresh_reuse": asks(WITH_SESSION, refresh_ask(session, 0, subject, OPENED_DIGEST),
                              refresh_ask(session, 0, subject, OPENED_DIGEST, 10000),
                              refresh_ask(session, 0, subject, b"n" * 32)),
        "refresh_chain": asks(WITH_SESSION, refresh_ask(session, 0, subject, OPENED_DIGEST),
                              refresh_ask(session, 0, subject, b"n" * 32, 5, b"m" * 32),
                              refresh_ask(session, 0, subject, OPENED_DIGEST, 9)),
        "logout": asks(WITH_SESSION, logout_ask(session, 0, subject), logout_ask(session, 0, subject),
                       logout_ask(foreign, 1, subject), refresh_ask(foreign, 1, subject, b"o" * 32)),
        "sessions": asks(WITH_SESSION, refresh_ask(foreign, 1, subject, b"o" * 32),
                         (20, pack([user], [bytes(16)], NOW)), (20, pack([user], [session], NOW)),
                         end_ask(foreign, 0, session), end_ask(user, 0, session),
                         end_ask(user, 1, bytes(16)), (20, pack([user], [bytes(16)], NOW))),
        "export": asks(WITH_SESSION, (23, pack([user])), (24, pack([user], [bytes(16)])),
                       (24, pack([user], [uuid(3)])), (23, pack([foreign]))),
        "refresh_of_another": asks(WITH_SESSION, refresh_ask(session, 0, b"7", OPENED_DIGEST)),
        "refresh_adopts": asks(SIGNED_UP, refresh_ask(foreign, 1, subject, b"o" * 32),
                               refresh_ask(foreign, 1, subject, b"o" * 32)),
        "refresh_adopts_nobody": asks(0, refresh_ask(foreign, 1, b"7", b"o" * 32)),
        "refresh_short_digest": asks(WITH_SESSION, (8, pack([session], (0, 1), subject,
                                                            OPENED_DIGEST, b"n", NOW, NOW, (0, 4),
                                                            (0, 4), [uuid(8)], (0, 4), (0, 4), b"", NOW))),
        "check": asks(WITH_SESSION, check_ask(session), check_ask(session, 0, OPENED_DIGEST),
                      check_ask(session, 0, b"o" * 32), check_ask(session, 1), check_ask(foreign, 1)),
        "user_with_session": asks(WITH_SESSION, (10, pack(subject, (1, 1), [session], NOW)),
                                  (10, pack(subject, (1, 1), [foreign], NOW)),
                                  (10, pack(subject, (0, 1), [foreign], NOW))),
        "spend_twice": asks(SIGNED_UP, spend_ask(uuid(2)), spend_ask(uuid(2))),
        "spend_other_purpose": asks(SIGNED_UP, spend_ask(uuid(2), 2)),
        "renew_and_spend_the_old": asks(SIGNED_UP, renew, spend_ask(uuid(2)), spend_ask(uuid(6))),
        "renew_after_proof": asks(SIGNED_UP, spend_ask(uuid(2)), renew),
        "renew_same_id": asks(SIGNED_UP, renew, renew, look),
        "session_same_id": asks(WITH_SESSION, (7, pack([user], [session], b"d" * 32, NOW + DAY,
                                                       (2, 4), b"192.0.2.1", b"curl", NOW))),
        "rehash_twice": asks(SIGNED_UP, *[rehash_ask(user, RIG_PASSWORD)] * 2,
                             credentials_ask(b"person0")),
        "rehash_nobody": asks(SIGNED_UP, rehash_ask(foreign, RIG_PASSWORD)),
        "rehash_no_form": asks(SIGNED_UP, rehash_ask(user, b""), rehash_ask(user, RIG_PASSWORD, b"")),
        "settle_and_look": asks(SIGNED_UP, look,
                                settle_ask(1, b"451 later"), look, settle_ask(2, b"550 no"), look,
                                settle_ask(0, b"")),
        "names": asks(SIGNED_UP, (2, pack(b"person0", b"person0@example.com", b"", b"", (0, 1), NOW)),
                      (2, pack(b"nobody", b"", b"k" * 32, b"b" * 32, (1, 1), NOW)), (1, bytes(8)),
                      credentials_ask(b"person0"), credentials_ask(b"", b"person0@example.com")),
        "concealed": asks(SIGNED_UP, signup_ask(20, b"kept", b"person0@example.com", 1),
                          signup_ask(30, b"kept", b"new@example.com", 1),
                          signup_ask(40, b"person0@example.com", b"person0@example.com", 1), look),
        "changes": asks(WITH_SESSION, *change_asks(NOW)),
        "changes_at_the_end_of_time": asks(WITH_SESSION, *change_asks(2 ** 63 - 2, 2 ** 32 - 1)),
        "changes_before_all_time": asks(WITH_SESSION, *change_asks(-(2 ** 63))),
        "unknown_number": asks(SIGNED_UP, (99, b""), (0, b"")),
    }


# ---- what needs signatures, lengths or many lines elsewhere -----------------------------------------
