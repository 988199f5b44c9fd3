"""Django's own PBKDF2, at the cost that is measured."""
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Hasher(PBKDF2PasswordHasher):
    iterations = settings.PEER_ITERATIONS
