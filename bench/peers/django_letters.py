#!/usr/bin/python3
"""Letters a second as Django sends them: EmailMultiAlternatives by its SMTP backend, from threads that
keep a connection each. Arguments: port threads letters bytes. Prints one JSON object."""
import json
import resource
import sys
import threading
import time

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

PORT, THREADS, LETTERS, BYTES = map(int, sys.argv[1:])
# Text and HTML, as Gatepost's letters have; the rest of the size is lines of text.
TEXT = ("x" * 74 + "\n") * max(1, round((BYTES - 900) / 2 / 75))


def send_in_turn(numbers, failed):
    connection = get_connection()
    connection.open()
    for number in numbers:
        letter = EmailMultiAlternatives("Confirm your e-mail address", TEXT, "gatepost@localhost",
                                        ["person%d@example.com" % number], connection=connection)
        letter.attach_alternative("<p>" + TEXT + "</p>", "text/html")
        try:
            letter.send()
        except OSError:
            failed.append(number)
    connection.close()


def main():
    settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=PORT, USE_TZ=True, SECRET_KEY="for benches alone")
    numbers, failed = iter(range(LETTERS)), []      # one for all threads: a step of it is whole
    threads = [threading.Thread(target=send_in_turn, args=(numbers, failed)) for _ in range(THREADS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"letters_per_second": (LETTERS - len(failed)) / seconds, "failed": len(failed),
                      "cpu_us_per_letter": (used.ru_utime + used.ru_stime) * 1e6 / LETTERS}))


if __name__ == "__main__":
    main()
