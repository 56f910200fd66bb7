"""What stands between this machine and AWS: proxies and certificates, chosen as botocore chooses them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies

from aio_sm_async.errors import ConfigurationError


class Proxies:
    """Tells which proxy a URL is reached through, once for each host.

    Args:
        configured: The proxies by scheme that the session's configuration names; None looks at HTTPS_PROXY,
            HTTP_PROXY and NO_PROXY.
    """

    def __init__(self, configured: Mapping[str, str] | None) -> None:
        self._configured = configured
        self._by_origin: dict[str, str | None] = {}

    def proxy_for(self, url: str) -> str | None:
        """The proxy's URL; None is the direct way."""
        origin = url[: url.find("/", 8)]
        if origin not in self._by_origin:
            proxies = get_environ_proxies(url) if self._configured is None else self._configured
            proxy: str | None = ProxyConfiguration(proxies=dict(proxies)).proxy_url_for(url)
            self._by_origin[origin] = proxy or None
        return self._by_origin[origin]


def build_ssl_context(
    ca_bundle: str | None, client_certificate: str | tuple[str, str] | None
) -> ssl.SSLContext:
    """Read the certificates, which takes a while: call it in a worker thread.

    Args:
        ca_bundle: The session's bundle, a file or a directory; None looks at REQUESTS_CA_BUNDLE, then takes
            the one that botocore trusts.
        client_certificate: The caller's own certificate, or it and its key.

    Raises:
        ConfigurationError: A file is missing, or is no certificate.
    """
    bundle = ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or str(get_cert_path(True))
    try:
        if os.path.isdir(bundle):
            context = ssl.create_default_context(capath=bundle)
        else:
            context = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise ConfigurationError(
            f"The CA bundle {bundle!r} cannot be read ({error.strerror or error}). Correct AWS_CA_BUNDLE, "
            "REQUESTS_CA_BUNDLE or ca_bundle of the AWS profile."
        ) from error
    if client_certificate is not None:
        _load_client_certificate(context, client_certificate)
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str | tuple[str, str]) -> None:
    chain = (certificate,) if isinstance(certificate, str) else certificate
    try:
        context.load_cert_chain(*chain)
    except OSError as error:
        raise ConfigurationError(
            f"The client certificate {chain[0]!r} cannot be read ({error.strerror or error}). Correct "
            "client_cert of the session's configuration."
        ) from error
