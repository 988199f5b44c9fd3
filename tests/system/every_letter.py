"""One life of an account that causes a letter of every purpose, in this order."""
from client import PASSWORD, Api
from gatepost import wait_for
from letters import Letter

PURPOSES = ["verify", "signup_attempt", "reset_password", "password_changed", "email_change_asked",
            "change_email", "email_changed", "token_reused", "account_deleted"]
SETTINGS = {"signup.reveal": "no", "token.refresh_grace_s": "0"}


class Inbox:
    """What has arrived, from a function that gives all letters as Letter, in any order."""

    def __init__(self, read):
        self.read, self.seen = read, set()

    def next(self, count=1):
        """Waits for so many letters that were not there before."""
        def look():
            new = {letter.message["Message-ID"]: letter for letter in self.read()
                   if letter.message["Message-ID"] not in self.seen}
            return new if len(new) >= count else None
        new = wait_for(look, 15, f"{count} more letters")
        assert len(new) == count, [letter.message["Subject"] for letter in new.values()]
        self.seen |= set(new)
        return list(new.values())


def cause_all(server, inbox, name="everyletter", headers=()):
    """{purpose: Letter}; the server runs with SETTINGS."""
    api, found = Api(server.address), {}
    address, other = f"{name}@example.com", f"{name}.two@example.com"

    def call(method, path, body, status, access=None):
        extra = [("Authorization", f"Bearer {access}")] if access else []
        answer = api.call(method, path, body, headers=[*headers, *extra])
        assert answer.status == status, answer
        return answer

    def post(path, body, status=200, access=None):
        return call("POST", f"/api/auth/{path}", body, status, access)

    def one(purpose):
        found[purpose], = inbox.next()
        return found[purpose]

    post("signup", {"username": name, "email": address, "password": PASSWORD}, 201)
    token = one("verify").token
    post("verify-email", {"token": token})
    post("signup", {"username": f"{name}2", "email": address, "password": PASSWORD}, 201)
    one("signup_attempt")
    post("password/reset", {"email": address}, 202)
    post("password/reset/confirm", {"token": one("reset_password").token,
                                    "new_password": "another password 1"})
    one("password_changed")
    tokens = post("login", {"username": name, "password": "another password 1"}).json()
    call("PATCH", "/api/auth/me", {"email": other, "password": "another password 1"}, 200,
         tokens["access"])
    for letter in inbox.next(2):
        found["change_email" if letter.to == other else "email_change_asked"] = letter
    post("verify-email", {"token": found["change_email"].token})
    one("email_changed")
    post("token/refresh", {"refresh": tokens["refresh"]})
    post("token/refresh", {"refresh": tokens["refresh"]}, 401)
    one("token_reused")
    tokens = post("login", {"username": name, "password": "another password 1"}).json()
    call("DELETE", "/api/auth/me", {"password": "another password 1"}, 204, tokens["access"])
    one("account_deleted")
    assert sorted(found) == sorted(PURPOSES)
    return found


def from_files(server):
    from letters import letters
    return Inbox(lambda: letters(server))


def from_peer(peer):
    return Inbox(lambda: [Letter(letter.raw) for letter in list(peer.letters)])
