"""The options that more than one command has, with their words."""

from __future__ import annotations

from typing import Annotated

import typer

REACH = "How AWS is reached"
REQUESTS = "Every request"
LIMITS = "Limits"
COURSE = "The run"

Endpoint = Annotated[
    str,
    typer.Option("-e", "--endpoint", help="The endpoint's name.", show_default=False, rich_help_panel=REACH),
]
Region = Annotated[str | None, typer.Option(help="The region; otherwise as in boto3.", rich_help_panel=REACH)]
Profile = Annotated[
    str | None, typer.Option(help="The AWS profile; otherwise as in boto3.", rich_help_panel=REACH)
]
QueueUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--queue-url",
        help="An SQS queue that hears the endpoint's topics; may be given again. Without one S3 is polled.",
        rich_help_panel=REACH,
    ),
]
EndpointUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint-url",
        metavar="SERVICE=URL",
        help="Another server for a service, or one URL for all; may be given again.",
        rich_help_panel=REACH,
    ),
]
ClientId = Annotated[
    str | None,
    typer.Option(help="The head of every inference id; random if left out.", rich_help_panel=REACH),
]
Uploads = Annotated[
    str | None,
    typer.Option(
        metavar="s3://BUCKET/PREFIX/",
        help="Where payloads of more than 128,000 bytes are uploaded to.",
        rich_help_panel=REQUESTS,
    ),
]
ContentType = Annotated[
    str | None,
    typer.Option(
        help="The payloads' media type; otherwise application/json for lines, by suffix for files.",
        rich_help_panel=REQUESTS,
    ),
]
Accept = Annotated[str | None, typer.Option(help="The media type wished for.", rich_help_panel=REQUESTS)]
Ttl = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS",
        help="How long a request may wait in SageMaker's queue: 60 to 21,600.",
        rich_help_panel=REQUESTS,
    ),
]
InvocationTimeout = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS", help="How long the model may take: 1 to 3,600.", rich_help_panel=REQUESTS
    ),
]
MaxInFlight = Annotated[
    int | None,
    typer.Option(help="How many may be sent and without an outcome; 10,000.", rich_help_panel=LIMITS),
]
MaxConcurrentRequests = Annotated[
    int | None,
    typer.Option(help="How many requests may be open at once; 64.", rich_help_panel=LIMITS),
]
MaxSubmitRate = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="How many requests may begin each second; no limit.", rich_help_panel=LIMITS
    ),
]
OutputPath = Annotated[
    str | None,
    typer.Option(
        metavar="s3://BUCKET/PREFIX",
        help="The endpoint's S3OutputPath; otherwise SageMaker is asked.",
        rich_help_panel=REACH,
    ),
]
FailurePath = Annotated[
    str | None,
    typer.Option(
        metavar="s3://BUCKET/PREFIX",
        help="The endpoint's S3FailurePath, likewise.",
        rich_help_panel=REACH,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the end of it as one JSON object on standard output.")
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Show nothing while it runs, and nothing if all is well.")
]
