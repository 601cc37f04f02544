"""A CAS server on loopback, for tests/integration/test_identity_providers.py: django-cas-server in a site of one file.

Run as `python cas_site.py PORT FOLDER SERVICES JSON`: SERVICES is the pattern of the addresses that tickets are given
for, JSON the people ({login: [password, e-mail address]}).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIServer, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

# Filled once the settings are: cas_server reads them as it is imported.
urlpatterns: list = []


def serve(port: int, folder: Path, services: str, people: dict[str, list[str]]) -> None:
    """Make the site and serve it until the process ends."""
    settings.configure(
        SECRET_KEY="tests",
        DEBUG=True,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "cas.db"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[
            "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.messages", "django.contrib.staticfiles", "cas_server",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STATIC_URL="/static/",
        USE_TZ=True,
        CAS_NEW_VERSION_HTML_WARNING=False,
        CAS_NEW_VERSION_EMAIL_WARNING=False,
    )  # fmt: skip
    django.setup()
    urlpatterns.append(path("cas/", include("cas_server.urls", namespace="cas_server")))
    call_command("migrate", verbosity=0)

    from cas_server.models import ReplaceAttributName, ServicePattern
    from django.contrib.auth.models import User

    for login, (password, email) in people.items():
        User.objects.create_user(login, email, password)
    service = ServicePattern.objects.create(pos=1, name="console", pattern=services)
    ReplaceAttributName.objects.create(name="email", replace="email", service_pattern=service)
    make_server("127.0.0.1", port, get_wsgi_application(), WSGIServer).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
