"""The project that Gatepost replaces, as somebody who knows Django would run it: no middleware,
templates or sessions that an API does not need, no debugging, the connection to the database kept,
SQLite with a write-ahead log. Of the environment, set by bench/peers/django_peer.py:

    PEER_FOLDER       where the database is
    PEER_ITERATIONS   of PBKDF2
    PEER_RELAY_PORT   where letters go; empty: nowhere
    PEER_ROTATE       1: a refresh token is spent by its use, which the database remembers
"""
import os
from datetime import timedelta

SECRET_KEY = "a key for benches alone, of 32 bytes and more"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
APPEND_SLASH = False
MIDDLEWARE = []
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROTATE = os.environ.get("PEER_ROTATE") == "1"

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "accounts"]
if ROTATE:
    INSTALLED_APPS.append("rest_framework_simplejwt.token_blacklist")

DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.path.join(os.environ["PEER_FOLDER"], "db.sqlite3"),
    "CONN_MAX_AGE": None, "OPTIONS": {"timeout": 60}}}

PEER_ITERATIONS = int(os.environ["PEER_ITERATIONS"])
PASSWORD_HASHERS = ["accounts.hashers.Hasher"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"]}
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(hours=1), "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
              "ROTATE_REFRESH_TOKENS": ROTATE, "BLACKLIST_AFTER_ROTATION": ROTATE}

RELAY_PORT = os.environ.get("PEER_RELAY_PORT")
EMAIL_BACKEND = "django.core.mail.backends.%s.EmailBackend" % ("smtp" if RELAY_PORT else "dummy")
EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = "127.0.0.1", int(RELAY_PORT or 25), 30
DEFAULT_FROM_EMAIL = "gatepost@localhost"
PUBLIC_URL = "http://localhost:8000"
LOGGING_CONFIG = None
