"""A small Django + DRF + simplejwt project with the signing key of the file that is named, as a
service that trusts Gatepost's tokens: django_peer.py KEY_FILE prints its port and serves;
django_peer.py ALGORITHM URL checks them with the key set at that address."""
import sys
from pathlib import Path


def configure(key, algorithm="HS256", key_set_url=None):
    import django
    from django.conf import settings
    settings.configure(
        SECRET_KEY="not used for tokens", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
        USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTTokenUserAuthentication"]},
        SIMPLE_JWT={"SIGNING_KEY": key, "ALGORITHM": algorithm, "JWK_URL": key_set_url},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])
    django.setup()


def make_urls():
    from django.urls import path
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class WhoAmI(APIView):
        permission_classes = [IsAuthenticated]

        def get(self, request):
            return Response({"id": request.user.id, "claims": sorted(request.auth.payload)})
    return [path("whoami", WhoAmI.as_view())]


def main():
    global urlpatterns
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    if len(sys.argv) == 3:
        configure("", sys.argv[1], sys.argv[2])
    else:
        configure(Path(sys.argv[1]).read_text().rstrip("\n"))
    urlpatterns = make_urls()
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
