#!/usr/bin/python3
"""The same service as a plain Django project: DRF, simplejwt, SQLite, PBKDF2 at the cost named.

    django_peer.py ITERATIONS PROCESSES     prints its port; ends with its standard input

A serializer, two views, and processes that accept from one socket. wsgiref serves: nearly all the
time of a request is the hash, and gunicorn would be one more package for the rest."""
import os
import shutil
import signal
import socket
import sys
import tempfile


def configure(folder, iterations):
    import django
    from django.conf import settings
    settings.configure(
        SECRET_KEY="a key for benches alone, of 32 bytes and more", DEBUG=False, ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__, USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"timeout": 60},
                               "NAME": os.path.join(folder, "db.sqlite3")}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTAuthentication"]},
        PASSWORD_HASHERS=[__name__ + ".Hasher"])
    django.setup()

    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    class AtThatCost(PBKDF2PasswordHasher):
        pass
    AtThatCost.iterations = iterations
    globals()["Hasher"] = AtThatCost


def make_urls():
    from django.contrib.auth.models import User
    from django.urls import path
    from rest_framework import generics, serializers
    from rest_framework.permissions import AllowAny
    from rest_framework_simplejwt.views import TokenObtainPairView

    class SignUpSerializer(serializers.ModelSerializer):
        class Meta:
            model = User
            fields = ["username", "email", "password"]
            extra_kwargs = {"password": {"write_only": True}}

        def create(self, validated):
            return User.objects.create_user(**validated)

    class SignUp(generics.CreateAPIView):
        serializer_class = SignUpSerializer
        permission_classes = [AllowAny]
    return [path("api/auth/signup", SignUp.as_view()),
            path("api/auth/login", TokenObtainPairView.as_view())]


def serve(listener):
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass
    server = WSGIServer(listener.getsockname(), Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = listener.getsockname()
    server.setup_environ()
    server.set_app(get_wsgi_application())
    server.serve_forever()


def main():
    global urlpatterns
    iterations, count = int(sys.argv[1]), int(sys.argv[2])
    folder = tempfile.mkdtemp(prefix="django-bench-")
    configure(folder, iterations)
    urlpatterns = make_urls()
    from django.core.management import call_command
    from django.db import connections
    call_command("migrate", verbosity=0)
    connections.close_all()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            serve(listener)
        pids.append(pid)
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    shutil.rmtree(folder)


if __name__ == "__main__":
    # Django finds the URLs and the hasher by the name of a module.
    import django_peer
    django_peer.main()
