"""What is chosen once, when a client is made."""

from __future__ import annotations

import pytest

from aio_sm_async.completions.polling import S3Polling
from aio_sm_async.completions.sqs import SqsNotifications
from aio_sm_async.errors import ConfigurationError, InvalidRequestError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.output_paths import OutputPaths
from aio_sm_async.settings import ClientSettings

QUEUE = SqsNotifications(queue_urls=["http://127.0.0.1/123456789012/results"])


def test_the_defaults_work() -> None:
    """Without a word results are polled for, and nothing that costs is switched on."""
    settings = ClientSettings()

    assert S3Polling() == settings.polling
    assert ((), None, None) == (settings.notifications, settings.uploads, settings.client_id)


def test_notifications_do_without_polling() -> None:
    """Either of the two is enough."""
    assert ClientSettings(notifications=[QUEUE], polling=None).polling is None


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """Without a limit it is left out."""
    with pytest.raises(ConfigurationError, match=r"max_submit_rate=.*Leave it out for no limit"):
        ClientSettings(max_submit_rate=rate)


def test_neither_notifications_nor_polling_is_refused() -> None:
    """No completion would ever be noticed, and the error shows both ways out."""
    with pytest.raises(ConfigurationError, match="Leave polling at its default, or name the queue"):
        ClientSettings(polling=None)


def test_another_http_library_is_refused() -> None:
    """The error lists the two that there are."""
    with pytest.raises(ConfigurationError, match="http_library='httpx': expected 'httptools' or 'aiohttp'"):
        ClientSettings(http_library="httpx")  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["resend", "wait", "raise"])
def test_the_three_policies_for_ambiguity_are_taken(policy: str) -> None:
    """As they are written in the documentation."""
    assert policy == ClientSettings(on_ambiguous=policy).on_ambiguous  # type: ignore[arg-type]


def test_another_policy_is_refused() -> None:
    """A slip of the pen must not become a policy of its own; the error lists those that there are."""
    with pytest.raises(
        ConfigurationError, match="on_ambiguous='retry': expected 'resend', 'wait' or 'raise'"
    ):
        ClientSettings(on_ambiguous="retry")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "max_concurrent_requests",
        "max_in_flight",
        "start_in_flight",
        "max_body_bytes",
        "resend_after_seconds",
        "request_timeout_seconds",
        "retry_timeout_seconds",
        "close_timeout_seconds",
    ],
)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_above_zero(name: str, value: float) -> None:
    """A limit of nothing would wait for ever; the error names it."""
    with pytest.raises(ConfigurationError, match=f"{name}={value!r}: must be above 0"):
        ClientSettings(**{name: value})


def test_a_client_id_must_fit_into_ids_and_keys() -> None:
    """It heads every inference id, and is part of S3 keys."""
    with pytest.raises(InvalidRequestError, match="client_id"):
        ClientSettings(client_id="two words")


def test_a_client_id_that_fits_is_taken() -> None:
    """It comes out as it went in."""
    assert "team-a_1" == ClientSettings(client_id="team-a_1").client_id


def test_a_session_stays_out_of_the_repr() -> None:
    """A session may hold credentials."""
    assert "secret" not in repr(ClientSettings(session="secret"))


def test_a_bare_queue_url_is_refused() -> None:
    """What is passed in place of the settings of a source is told from them, with what to write."""
    with pytest.raises(ConfigurationError, match=r"notifications takes SqsNotifications\(queue_urls="):
        ClientSettings(notifications=("https://sqs.us-east-1.amazonaws.com/123456789012/q",))  # type: ignore[arg-type]


def test_a_bare_prefix_is_refused() -> None:
    """The same of uploads."""
    with pytest.raises(ConfigurationError, match=r"uploads takes S3Uploads\("):
        ClientSettings(uploads="s3://bucket/in/")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path", ["bucket/out", "https://bucket.s3.amazonaws.com/out", "s3://", "s3:///out", 7]
)
@pytest.mark.parametrize("name", ["output_path", "failure_path"])
def test_paths_are_uris_of_s3(name: str, path: object) -> None:
    """What is no ``s3://`` URI is refused when the client is made, by the setting's name."""
    with pytest.raises(ConfigurationError, match=f"{name}=.*expected the endpoint's own"):
        ClientSettings(endpoint_name="e", **{name: path})  # type: ignore[arg-type]


def test_paths_belong_to_an_endpoint() -> None:
    """Without an endpoint of its own the client has no use for its paths."""
    with pytest.raises(ConfigurationError, match="Name it: AsyncInferenceClient"):
        ClientSettings(output_path="s3://bucket/out")


def test_given_paths() -> None:
    """What was given is known of the client's own endpoint, and of no other."""
    given = ClientSettings(endpoint_name="e", output_path="s3://bucket/out").given_paths

    assert {"e": OutputPaths(S3Location("bucket", "out"), None)} == given
    assert {} == ClientSettings(endpoint_name="e").given_paths
    assert {} == ClientSettings().given_paths
