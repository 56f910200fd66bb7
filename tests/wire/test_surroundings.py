"""Proxies and certificates, as botocore chooses them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from botocore.httpsession import DEFAULT_CA_BUNDLE

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.surroundings import Proxies, build_ssl_context


def test_the_environments_proxy_is_used_where_no_proxy_does_not_forbid_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For each host once, by the URL's scheme."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,s3.eu-west-1.amazonaws.com")
    proxies = Proxies(None)

    assert proxies.proxy_for("https://sqs.eu-west-1.amazonaws.com/a") == "http://proxy:3128"
    assert proxies.proxy_for("https://sqs.eu-west-1.amazonaws.com/b") == "http://proxy:3128"
    assert proxies.proxy_for("https://s3.eu-west-1.amazonaws.com/b/k") is None
    assert proxies.proxy_for("http://127.0.0.1:5000/") is None


def test_the_sessions_proxies_come_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are none; and a scheme is added where it lacks."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")

    assert Proxies({"https": "mine:80"}).proxy_for("https://host/") == "http://mine:80"
    assert Proxies({}).proxy_for("https://host/") is None


def test_certificates_are_botocores_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a certificate store works; and peers are always verified."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    context = build_ssl_context(None, None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 50


def test_a_bundle_may_be_a_file_or_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's own comes before REQUESTS_CA_BUNDLE."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", DEFAULT_CA_BUNDLE)

    assert build_ssl_context(None, None).cert_store_stats()["x509_ca"] > 50
    assert build_ssl_context(str(tmp_path), None).cert_store_stats()["x509_ca"] == 0


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the variables that may have named it."""
    with pytest.raises(ConfigurationError, match=r"gone\.pem.*AWS_CA_BUNDLE"):
        build_ssl_context(str(tmp_path / "gone.pem"), None)


@pytest.mark.parametrize("several", [False, True])
def test_a_client_certificate_that_is_not_there_is_named(tmp_path: Path, several: bool) -> None:
    """One file, or a certificate and its key."""
    path = str(tmp_path / "client.pem")
    with pytest.raises(ConfigurationError, match=r"client\.pem.*client_cert"):
        build_ssl_context(None, (path, path) if several else path)
