"""What the project of django_users.py hashes with: Django's own way, once instead of many thousand
times. A login there brings every password to it."""
from django.contrib.auth.hashers import PBKDF2PasswordHasher


class CheapPasswordHasher(PBKDF2PasswordHasher):
    iterations = 1
