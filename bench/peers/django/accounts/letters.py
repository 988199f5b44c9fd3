"""The letter that proves an address, sent from a thread, and the signed token in its link: nothing of
it is stored, so a token is spent by the address being proven."""
import threading

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives

from .models import User

SALT = "verify-email"
LIFE_S = 86400


def user_of(token):
    """None: the token is no good, or its address is proven already."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=LIFE_S)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, email_verified=False).first()


def send(user):
    link = "%s/verify-email?token=%s" % (settings.PUBLIC_URL, signing.dumps(user.pk, salt=SALT))
    text = ("Hello %s,\n\nplease confirm your e-mail address:\n\n%s\n\nThe link is good for a day. If you "
            "did not sign up, nothing more happens.\n" % (user.username, link))
    html = ("<p>Hello %s,</p><p>please confirm your e-mail address:</p><p><a href=\"%s\">Confirm</a></p>"
            "<p>The link is good for a day. If you did not sign up, nothing more happens.</p>"
            % (user.username, link))
    letter = EmailMultiAlternatives("Confirm your e-mail address", text, to=[user.email])
    letter.attach_alternative(html, "text/html")
    threading.Thread(target=letter.send, kwargs={"fail_silently": True}).start()
