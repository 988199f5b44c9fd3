"""Eight simultaneous sign-ups of one name, spread over two workers: exactly one succeeds."""
import threading

from client import Connection, account, encode, unique
from gatepost import scaled, wait_for
from letters import recipients

RUNNERS = 8


def runners_on_both_workers(server):
    """Eight connections, four of them accepted by each worker."""
    kept, surplus = {}, []
    for _ in range(400):
        connection = Connection(server.address)
        assert connection.request("GET", "/healthz").status == 200
        mine = kept.setdefault(server.worker_of(connection.sock), [])
        if len(mine) < RUNNERS // 2:
            mine.append(connection)
        else:
            surplus.append(connection)
        if sum(len(part) for part in kept.values()) == RUNNERS:
            break
    for connection in surplus:
        connection.close()
    assert None not in kept and [len(part) for part in kept.values()] == [4, 4], kept
    return [connection for part in kept.values() for connection in part]


def race(connections, requests):
    """All requests at once, one from each connection; the answers."""
    barrier, answers = threading.Barrier(len(connections)), [None] * len(connections)

    def run(i):
        barrier.wait()
        connections[i].send(requests[i])
        answers[i] = connections[i].receive()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_of_eight_simultaneous_sign_ups_one_succeeds(server):
    connections = runners_on_both_workers(server)
    winners = []
    for round_number in range(scaled(20)):
        name = unique("race")
        # The same name and address, in spellings that are equal to us.
        spellings = [name, name.upper()] * (RUNNERS // 2)
        answers = race(connections, [
            encode("POST", "/api/auth/signup", account(spelling)) for spelling in spellings])
        statuses = sorted(answer.status for answer in answers)
        assert statuses == [201] + [400] * 7, (round_number, answers)
        for answer in answers:
            if answer.status == 400:
                body = answer.json()
                assert body and set(body) <= {"username", "email"}, body
                assert all("already exists" in text for texts in body.values() for text in texts)
        winners.append(name)
    for connection in connections:
        connection.close()
    wait_for(lambda: len(recipients(server)) >= len(winners), 10, "the winners' letters")
    found = sorted(address.lower() for address in recipients(server))
    assert found == sorted(f"{name}@example.com" for name in winners)


def test_of_eight_proofs_with_one_link_one_succeeds(server):
    from letters import letter_to
    connections = runners_on_both_workers(server)
    name = unique("proof")
    assert connections[0].signup(name).status == 201
    token = letter_to(server, f"{name}@example.com").token
    answers = race(connections, [
        encode("POST", "/api/auth/verify-email", {"token": token})] * RUNNERS)
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7, answers
    for connection in connections:
        connection.close()


def test_the_same_key_at_the_same_time_makes_one_account(server):
    connections = runners_on_both_workers(server)
    for _ in range(scaled(8)):
        name = unique("same")
        answers = race(connections, [encode("POST", "/api/auth/signup", account(name),
                                            headers=[("Idempotency-Key", name)])] * RUNNERS)
        assert [answer.status for answer in answers] == [201] * RUNNERS, answers
    for connection in connections:
        connection.close()
