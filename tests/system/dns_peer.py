#!/usr/bin/python3
"""A name server that does what a file says: dns_peer.py ADDRESS FILE answers UDP port 53 there.

The file holds one word, read anew for each question: an IPv4 address (the answer to every A
question), nxdomain, servfail, silent, or slow:ADDRESS (the answer comes 0.6 s late)."""
import socket
import struct
import sys
import threading
import time

NXDOMAIN, SERVFAIL = 3, 2
TYPE_A = 1


def question_end(packet):
    at = 12
    while packet[at]:
        at += packet[at] + 1
    return at + 5


def reply(packet, word):
    """The answer's bytes, or None."""
    end = question_end(packet)
    wanted = struct.unpack(">H", packet[end - 4:end - 2])[0]
    code = {"nxdomain": NXDOMAIN, "servfail": SERVFAIL}.get(word, 0)
    answers = b""
    if code == 0 and wanted == TYPE_A:
        answers = b"\xc0\x0c" + struct.pack(">HHIH", TYPE_A, 1, 1, 4) + socket.inet_aton(word)
    head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if answers else 0, 0, 0)
    return head + packet[12:end] + answers


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    while True:
        packet, peer = server.recvfrom(512)
        word = open(sys.argv[2]).read().strip()
        if word == "silent":
            continue
        delay, word = (0.6, word[5:]) if word.startswith("slow:") else (0, word)
        answer = reply(packet, word)

        def send(answer=answer, peer=peer, delay=delay):
            time.sleep(delay)
            server.sendto(answer, peer)
        threading.Thread(target=send, daemon=True).start()


if __name__ == "__main__":
    main()
