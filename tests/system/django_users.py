"""A Django project's accounts, in a database file: what is moved into Gatepost and back.

    django_users.py DATABASE make COUNT       accounts of four hash formats, cheap ones
    django_users.py DATABASE dump FILE        manage.py dumpdata, all of it
    django_users.py DATABASE load FILE        manage.py loaddata into a new database
    django_users.py DATABASE login            tries everybody's password; prints how many are right"""
import io
import sys

FORMATS = ("pbkdf2_sha256", "pbkdf2_sha1", "bcrypt_sha256", "argon2")


def password_of(number):
    return f"correct horse {number}"


def name_of(number):
    return f"user{number:04}"


def without_syncs(connection, **_):
    connection.cursor().execute("PRAGMA synchronous = OFF")


def configure(database):
    import django
    from django.conf import settings
    hashers = "django.contrib.auth.hashers."
    settings.configure(
        SECRET_KEY="not used here", USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        PASSWORD_HASHERS=["django_hashers.CheapPasswordHasher"] + [hashers + name for name in (
            "PBKDF2SHA1PasswordHasher", "BCryptSHA256PasswordHasher", "Argon2PasswordHasher")])
    django.setup()
    # The disk is not what is tested here.
    from django.db.backends.signals import connection_created
    connection_created.connect(without_syncs)


def encode(password, salt, form):
    from django.contrib.auth import hashers
    if form == "pbkdf2_sha256":
        return hashers.PBKDF2PasswordHasher().encode(password, salt, iterations=1000)
    if form == "pbkdf2_sha1":
        return hashers.PBKDF2SHA1PasswordHasher().encode(password, salt, iterations=1000)
    if form == "bcrypt_sha256":
        hasher = hashers.BCryptSHA256PasswordHasher()
        hasher.rounds = 4
        return hasher.encode(password, hasher.salt())
    hasher = hashers.Argon2PasswordHasher()
    hasher.time_cost, hasher.memory_cost, hasher.parallelism = 1, 64, 1
    return hasher.encode(password, salt)


def make(count):
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    call_command("migrate", verbosity=0, stdout=io.StringIO())
    staff = Group.objects.create(name="staff")
    users = []
    for number in range(1, count + 1):
        form = FORMATS[number % len(FORMATS)]
        users.append(User(
            pk=number * 7, username=name_of(number), email=f"{name_of(number)}@example.com",
            password=encode(password_of(number), f"saltsaltsaltsalt{number:06}", form),
            first_name=f"Zoë {number}", is_staff=number % 10 == 0))
    User.objects.bulk_create(users)
    for user in User.objects.filter(is_staff=True):
        user.groups.add(staff)


def login():
    from django.contrib.auth import authenticate
    from django.contrib.auth.models import User
    right = sum(authenticate(username=user.username, password=password_of(int(user.username[4:]))) == user
                for user in User.objects.all())
    print(right, User.objects.count(), User.objects.filter(is_staff=True, groups__name="staff").count(),
          sum(user.pk == int(user.username[4:]) * 7 for user in User.objects.all()))


def main():
    database, command, *rest = sys.argv[1:]
    configure(database)
    from django.core.management import call_command
    if command == "make":
        make(int(rest[0]))
    elif command == "dump":
        call_command("dumpdata", output=rest[0], indent=2, verbosity=0)
    elif command == "load":
        from django.contrib.auth.models import Group
        call_command("migrate", verbosity=0, stdout=io.StringIO())
        Group.objects.create(name="staff")
        call_command("loaddata", rest[0], verbosity=0)
    else:
        login()


if __name__ == "__main__":
    main()
