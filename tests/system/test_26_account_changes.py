"""What the bearer of an access token, or of a link, can change: name, address, password; and the
end of the account. Each with its letter."""
import threading
import time

import pytest

from client import Api, FORM, PASSWORD, unique
from gatepost import wait_for
from letters import letters_to, letter_to

NEW_PASSWORD = "another-long-password-9"


@pytest.fixture
def person(api):
    return Person(api, unique("changer"))


class Person:
    """Somebody who signed up and logged in."""

    def __init__(self, api, name):
        self.api, self.name, self.email = api, name, f"{name}@example.com"
        assert api.signup(name).status == 201
        self.access = api.tokens(name)["access"]

    def call(self, method, path, body=None, access=None, **options):
        return self.api.call(method, path, body, headers=[("Authorization", f"Bearer {access or self.access}")],
                             **options)

    def patch(self, **fields):
        return self.call("PATCH", "/api/auth/me", fields)

    def change_password(self, current, new):
        return self.call("POST", "/api/auth/password/change", {"current_password": current, "new_password": new})

    def letters(self, server, count, address=None):
        return letters_to(server, address or self.email, count)


def subjects(found):
    return [str(letter.message["Subject"]) for letter in found]


# ---- who may ask --------------------------------------------------------------------------------

@pytest.mark.parametrize("method, path", [
    ("PATCH", "/api/auth/me"), ("DELETE", "/api/auth/me"), ("POST", "/api/auth/password/change")])
def test_nobody_without_a_token(api, method, path):
    answer = api.call(method, path, {"password": PASSWORD})
    assert answer.status == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer.header("www-authenticate") == 'Bearer realm="api"'


def test_the_methods_of_me_are_told(api, person):
    answer = person.call("POST", "/api/auth/me", {})
    assert (answer.status, answer.json()) == (405, {"detail": 'Method "POST" not allowed.'})
    assert answer.header("allow") == "GET, HEAD, PATCH, DELETE, OPTIONS"


def test_a_body_of_another_type_is_not_read(person):
    answer = person.call("PATCH", "/api/auth/me", "username=x", content_type="text/plain")
    assert answer.status == 415


# ---- the name -----------------------------------------------------------------------------------

def test_a_new_name_logs_in_and_the_old_one_is_free(api, person):
    new = unique("renamed")
    answer = person.patch(username=new)
    assert answer.status == 200 and answer.json()["username"] == new
    assert api.me(person.access).json()["username"] == new
    assert api.login(new).status == 200
    assert api.login(person.name).status == 401
    assert api.signup(person.name, email=f"{new}.other@example.com").status == 201


def test_anothers_name_is_taken_in_any_case(api, person):
    other = unique("Other")
    assert api.signup(other).status == 201
    for name in (other, other.upper()):
        answer = person.patch(username=name)
        assert (answer.status, answer.json()) == (400, {"username": ["A user with this username already exists."]})
    assert person.patch(username=person.name.upper()).status == 200, "one's own in another case"
    assert person.patch(username=f"{unique('x')}@example.com").status == 200
    answer = person.patch(username=f"{other.lower()}@example.com")
    assert answer.status == 400, "a name that is another's address"


def test_all_wrong_fields_are_told_at_once(person):
    answer = person.patch(username="with space", email="nonsense")
    assert answer.status == 400
    assert answer.json() == {
        "email": ["Enter a valid email address."],
        "username": ["Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."],
        "password": ["This field is required."]}


def test_nothing_to_change_is_the_account_as_it_is(api, person):
    before = api.me(person.access).json()
    for fields in ({}, {"email_verified": True, "id": "1", "date_joined": "2000-01-01T00:00:00Z"}):
        answer = person.patch(**fields)
        assert (answer.status, answer.json()) == (200, before)


# ---- the address --------------------------------------------------------------------------------

def test_a_new_address_counts_when_it_is_proven(server, api, person):
    new = unique("moved") + "@example.net"
    answer = person.patch(email=new, password=PASSWORD)
    assert answer.status == 200 and answer.json()["email"] == person.email
    to_new = letter_to(server, new)
    assert "Confirm your new e-mail address" in subjects([to_new])[0]
    old = person.letters(server, 2)
    assert "A new e-mail address" in subjects(old)[1]
    assert "token=" not in old[1].plain + old[1].html
    assert api.login(new).status == 401, "not yet"

    assert api.get(f"/verify-email?token={to_new.token}").status == 200, "the page shows, and spends nothing"
    answer = api.post("/api/auth/verify-email", {"token": to_new.token})
    assert (answer.status, answer.json()) == (200, {"message": "Email verified successfully"})
    me = api.me(person.access).json()
    assert (me["email"], me["email_verified"]) == (new, True)
    assert api.login(new).status == 200
    assert api.login(person.email).status == 401
    assert "was changed" in subjects(person.letters(server, 3))[2]
    assert api.post("/api/auth/verify-email", {"token": to_new.token}).status == 400, "once"
    # The sign-up's link proved the old address: it proves nothing any more.
    assert api.post("/api/auth/verify-email", {"token": old[0].token}).status == 400


def test_a_new_address_needs_the_password(server, api, person):
    new = unique("thief") + "@example.net"
    answer = person.patch(email=new)
    assert (answer.status, answer.json()) == (400, {"password": ["This field is required."]})
    answer = person.patch(email=new, password="wrong" + PASSWORD)
    assert (answer.status, answer.json()) == (400, {"password": ["Invalid password."]})
    assert api.me(person.access).json()["email"] == person.email


def test_a_taken_address_is_told(api, person):
    other = Person(api, unique("holder"))
    answer = person.patch(email=other.email.upper(), password=PASSWORD)
    assert (answer.status, answer.json()) == (400, {"email": ["A user with this email already exists."]})


def test_an_address_that_was_taken_meanwhile_is_not_moved_to(server, api, person):
    new = unique("race") + "@example.net"
    assert person.patch(email=new, password=PASSWORD).status == 200
    token = letter_to(server, new).token
    assert api.signup(unique("faster"), email=new).status == 201
    assert api.post("/api/auth/verify-email", {"token": token}).status == 400
    assert api.me(person.access).json()["email"] == person.email


def test_a_newer_address_voids_the_link_of_the_earlier_one(server, api, person):
    first, second = unique("first") + "@example.net", unique("second") + "@example.net"
    assert person.patch(email=first, password=PASSWORD).status == 200
    token = letter_to(server, first).token
    assert person.patch(email=second, password=PASSWORD).status == 200
    assert api.post("/api/auth/verify-email", {"token": token}).status == 400
    assert api.post("/api/auth/verify-email", {"token": letter_to(server, second).token}).status == 200
    assert api.me(person.access).json()["email"] == second


def test_the_own_address_is_no_change_and_sends_nothing(server, person):
    assert person.patch(email=person.email.upper()).status == 400, "the password is asked for all the same"
    assert person.patch(email=person.email.upper(), password="whatever").status == 200
    time.sleep(0.3)
    assert len(person.letters(server, 1)) == 1


def test_letters_to_new_addresses_are_limited(serve):
    server = serve({"limits.enabled": "yes"})
    api = Api(server.address)
    person = Person(api, unique("flood"))
    answers = [person.patch(email=f"victim{i}@example.org", password=PASSWORD) for i in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert 3500 < int(answers[3].header("retry-after")) <= 3601
    api.close()


# ---- the password -------------------------------------------------------------------------------

def test_a_changed_password_ends_the_other_sessions_and_tells(server, api, person):
    elsewhere = api.tokens(person.name)
    answer = person.change_password(PASSWORD, NEW_PASSWORD)
    assert (answer.status, answer.json()) == (200, {"message": "Password changed successfully"})
    assert api.me(person.access).status == 200, "the session that asked goes on"
    assert api.me(elsewhere["access"]).status == 401
    assert api.post("/api/auth/token/refresh", {"refresh": elsewhere["refresh"]}).status == 401
    assert api.login(person.name).status == 401
    assert api.login(person.name, NEW_PASSWORD).status == 200
    assert "password" in subjects(person.letters(server, 2))[1]


def test_a_wrong_password_changes_nothing(api, person):
    answer = person.change_password("wrong" + PASSWORD, NEW_PASSWORD)
    assert (answer.status, answer.json()) == (400, {"current_password": ["Invalid password."]})
    assert person.change_password("x" * 1025, NEW_PASSWORD).status == 400
    assert api.login(person.name).status == 200


def test_the_new_password_meets_the_policy(person):
    answer = person.change_password(PASSWORD, "short")
    assert answer.status == 400
    assert answer.json() == {"new_password": ["This password is too short. It must contain at least 8 characters."]}
    assert person.change_password(PASSWORD, "password1").json() == {"new_password": ["This password is too common."]}
    answer = person.call("POST", "/api/auth/password/change", {})
    assert answer.json() == {"current_password": ["This field is required."],
                             "new_password": ["This field is required."]}


def test_of_two_changes_at_once_one_wins(server, api, person):
    answers = []

    def change(new):
        calls = Api(server.address)
        mine = Person.__new__(Person)
        mine.api, mine.access = calls, person.access
        answers.append((mine.change_password(PASSWORD, new).status, new))
        calls.close()
    threads = [threading.Thread(target=change, args=(f"parallel-password-{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [new for status, new in answers if status == 200]
    assert len(won) == 1 and {status for status, _ in answers} == {200, 400}
    assert api.login(person.name, won[0]).status == 200


# ---- a forgotten password -----------------------------------------------------------------------

def reset_token(server, api, person):
    answer = api.post("/api/auth/password/reset", {"email": person.email.upper()})
    assert answer.status == 202 and set(answer.json()) == {"message"}
    return person.letters(server, 2)[-1].token


def test_a_reset_sets_the_password_once_and_ends_all_sessions(server, api, person):
    token = reset_token(server, api, person)
    assert api.login(person.name).status == 200, "asking changes nothing"
    answer = api.post("/api/auth/password/reset/confirm", {"token": token, "new_password": NEW_PASSWORD})
    assert (answer.status, answer.json()) == (200, {"message": "Password has been reset successfully"})
    assert answer.header("set-cookie") is None
    assert api.me(person.access).status == 401
    assert api.login(person.name).status == 401
    assert api.login(person.name, NEW_PASSWORD).status == 200
    again = api.post("/api/auth/password/reset/confirm", {"token": token, "new_password": PASSWORD})
    assert (again.status, again.json()) == (400, {"token": ["Invalid or expired token."]})
    assert "was changed" in subjects(person.letters(server, 3))[2]
    assert api.me(api.tokens(person.name, NEW_PASSWORD)["access"]).json()["email_verified"] is True


def test_a_weak_new_password_does_not_spend_the_link(server, api, person):
    token = reset_token(server, api, person)
    answer = api.post("/api/auth/password/reset/confirm", {"token": token, "new_password": person.name})
    assert answer.status == 400 and set(answer.json()) == {"new_password"}
    assert api.post("/api/auth/password/reset/confirm",
                    {"token": token, "new_password": NEW_PASSWORD}).status == 200


def test_an_unknown_address_is_answered_alike(server, api, person):
    known = api.post("/api/auth/password/reset", {"email": person.email})
    unknown = api.post("/api/auth/password/reset", {"email": unique("nobody") + "@example.com"})
    assert (known.status, known.body) == (unknown.status, unknown.body) == (202, known.body)
    assert api.post("/api/auth/password/reset", {"email": "nonsense"}).status == 400


def test_a_link_is_good_for_its_purpose_alone(server, api, person):
    verify = person.letters(server, 1)[0].token
    reset = reset_token(server, api, person)
    assert api.post("/api/auth/verify-email", {"token": reset}).status == 400
    assert api.post("/api/auth/password/reset/confirm",
                    {"token": verify, "new_password": NEW_PASSWORD}).status == 400
    for token in (verify, reset):
        assert api.me(token).status == 401
        assert api.post("/api/auth/token/refresh", {"refresh": token}).status == 401
    for token in (person.access, api.tokens(person.name)["refresh"]):
        assert api.post("/api/auth/verify-email", {"token": token}).status == 400
        assert api.post("/api/auth/password/reset/confirm",
                        {"token": token, "new_password": NEW_PASSWORD}).status == 400
    assert api.post("/api/auth/verify-email", {"token": verify}).status == 200, "none of it spent them"


def test_a_changed_password_voids_the_link(server, api, person):
    token = reset_token(server, api, person)
    assert person.change_password(PASSWORD, NEW_PASSWORD).status == 200
    assert api.post("/api/auth/password/reset/confirm",
                    {"token": token, "new_password": "yet-another-password"}).status == 400


def test_the_reset_page_needs_no_script_and_sets_the_password(server, api, person):
    token = reset_token(server, api, person)
    for _ in range(2):
        page = api.get(f"/reset-password?token={token}")
        assert page.status == 200 and page.type == "text/html"
        assert "<script" not in page.text().lower() and token in page.text()
        assert "form-action 'self'" in page.header("content-security-policy")
        assert page.header("referrer-policy") == "no-referrer"
        assert page.header("cache-control") == "no-store"
    weak = api.post("/reset-password", {"token": token, "new_password": "short"}, content_type=FORM)
    assert weak.status == 400 and "too short" in weak.text() and token in weak.text()
    blank = api.post("/reset-password", {"token": token, "new_password": ""}, content_type=FORM)
    assert blank.status == 400 and "may not be blank" in blank.text()
    done = api.post("/reset-password", {"token": token, "new_password": NEW_PASSWORD}, content_type=FORM)
    assert done.status == 200 and "Your password is changed" in done.text()
    assert api.login(person.name, NEW_PASSWORD).status == 200
    for answer in (api.post("/reset-password", {"token": token, "new_password": PASSWORD}, content_type=FORM),
                   api.get("/reset-password?token=%22%3E%3Cb%3E"), api.get("/reset-password")):
        assert answer.status == 400 and "does not work any more" in answer.text() and "<b>" not in answer.text()


def test_reset_letters_are_limited_by_the_hour(serve):
    server = serve({"limits.enabled": "yes"})
    api = Api(server.address)
    person = Person(api, unique("floodee"))
    for _ in range(5):
        assert api.post("/api/auth/password/reset", {"email": person.email}).status == 202
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "every letter written")
    # A letter that still waits when the next one is asked for is withdrawn.
    assert 2 <= len(person.letters(server, 1)) <= 1 + 3
    api.close()


# ---- the end ------------------------------------------------------------------------------------

def test_a_deleted_account_leaves_nothing_and_its_names_are_free(server, api, person):
    refresh = api.tokens(person.name)["refresh"]
    reset = reset_token(server, api, person)
    answer = person.call("DELETE", "/api/auth/me", {"password": "wrong" + PASSWORD})
    assert (answer.status, answer.json()) == (400, {"password": ["Invalid password."]})
    answer = person.call("DELETE", "/api/auth/me", {"password": PASSWORD})
    assert (answer.status, answer.body) == (204, b"")
    gone = api.me(person.access)
    assert (gone.status, gone.json()["code"]) == (401, "user_not_found")
    assert api.login(person.name).status == 401
    assert api.post("/api/auth/token/refresh", {"refresh": refresh}).status == 401
    assert api.post("/api/auth/password/reset/confirm",
                    {"token": reset, "new_password": NEW_PASSWORD}).status == 400
    assert "was deleted" in subjects(person.letters(server, 3))[2]
    assert api.signup(person.name).status == 201
    assert api.me(person.access).status == 401, "the old token is not the new account's"


def test_deletion_needs_the_password(person):
    answer = person.call("DELETE", "/api/auth/me")
    assert (answer.status, answer.json()) == (400, {"password": ["This field is required."]})


# ---- across deaths ------------------------------------------------------------------------------

def test_changes_go_on_while_the_store_dies(serve):
    server = serve()
    api = Api(server.address)
    people = [Person(api, unique("survivor")) for _ in range(8)]
    server.allow_deaths = True
    done = []

    def change(person):
        calls = Api(server.address)
        mine = Person.__new__(Person)
        mine.api, mine.access = calls, person.access
        password = PASSWORD
        for i in range(6):
            new = f"{NEW_PASSWORD}-{i}"
            assert mine.change_password(password, new).status == 200
            password = new
        done.append((person, password))
        calls.close()
    threads = [threading.Thread(target=change, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.2)
        server.kill("store")
    for thread in threads:
        thread.join()
    assert len(done) == len(people)
    for person, password in done:
        assert api.login(person.name, password).status == 200
        assert len(person.letters(server, 7)) == 7, "the sign-up's, and one for each change"
    api.close()
