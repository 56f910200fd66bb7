"""SageMaker's control plane: make, change, describe and remove endpoints."""

from __future__ import annotations

import json
from typing import cast

import pytest

from tests.emulator.stage import ERROR, SUCCESS, Stage, control_call, open_stage, submit

CONFIG: dict[str, object] = {
    "EndpointConfigName": "config",
    "ProductionVariants": [
        {
            "VariantName": "main",
            "ModelName": "model",
            "InitialInstanceCount": 2,
            "InstanceType": "ml.g5.xlarge",
        }
    ],
    "AsyncInferenceConfig": {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 7},
        "OutputConfig": {
            "KmsKeyId": "alias/key",
            "S3OutputPath": "s3://bucket/out",
            "S3FailurePath": "s3://bucket/bad",
            "NotificationConfig": {
                "SuccessTopic": SUCCESS,
                "ErrorTopic": ERROR,
                "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"],
            },
        },
    },
}
ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


async def done(stage: Stage, operation: str, **members: object) -> dict[str, object]:
    """What the operation answers; it must succeed."""
    reply = await stage.ask(control_call(operation, members))
    assert reply.status == 200, reply.body
    return cast("dict[str, object]", json.loads(reply.body))


async def refused(stage: Stage, operation: str, body: bytes | dict[str, object] = b"") -> tuple[str, str]:
    """The code and the message of its refusal."""
    reply = await stage.ask(control_call(operation, body))
    assert reply.status == 400, reply.body
    answer = json.loads(reply.body)
    return answer["__type"], answer["message"]


async def in_service(stage: Stage) -> None:
    """An endpoint named digits, made by calls alone."""
    await done(stage, "CreateModel", ModelName="model", PrimaryContainer={"Image": "i"}, ExecutionRoleArn="r")
    await done(stage, "CreateEndpointConfig", **CONFIG)
    await done(stage, "CreateEndpoint", EndpointName="digits", EndpointConfigName="config")


def changed(**members: object) -> dict[str, object]:
    return CONFIG | members


async def test_an_endpoint_is_made_of_a_model_and_a_configuration() -> None:
    """It is in service at once, with all that it was configured to be."""
    async with open_stage() as stage:
        await in_service(stage)
        described = await done(stage, "DescribeEndpoint", EndpointName="digits")
        now = stage.clock.utc_now().timestamp()

        assert described == {
            "EndpointName": "digits",
            "EndpointArn": ARN + "endpoint/digits",
            "EndpointConfigName": "config",
            "EndpointStatus": "InService",
            "CreationTime": now,
            "LastModifiedTime": now,
            "AsyncInferenceConfig": CONFIG["AsyncInferenceConfig"],
            "ProductionVariants": [
                {
                    "VariantName": "main",
                    "CurrentWeight": 1.0,
                    "DesiredWeight": 1.0,
                    "CurrentInstanceCount": 2,
                    "DesiredInstanceCount": 2,
                }
            ],
        }


async def test_its_parts_can_be_described() -> None:
    """The configuration and the model say what they were made of."""
    async with open_stage() as stage:
        await in_service(stage)
        config = await done(stage, "DescribeEndpointConfig", EndpointConfigName="config")
        model = await done(stage, "DescribeModel", ModelName="model")

        assert config["AsyncInferenceConfig"] == CONFIG["AsyncInferenceConfig"]
        assert config["EndpointConfigArn"] == ARN + "endpoint-config/config"
        assert config["ProductionVariants"] == [
            {
                "VariantName": "main",
                "ModelName": "model",
                "InitialInstanceCount": 2,
                "InstanceType": "ml.g5.xlarge",
                "InitialVariantWeight": 1.0,
            }
        ]
        assert model["ModelArn"] == ARN + "model/model"
        assert (model["PrimaryContainer"], model["ExecutionRoleArn"]) == ({"Image": "i"}, "r")


async def test_what_was_not_configured_is_not_described() -> None:
    """An endpoint of bare necessities has no output, no topics and the emulator's concurrency."""
    async with open_stage() as stage:
        await done(stage, "CreateModel", ModelName="model")
        bare = {"EndpointConfigName": "bare", "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": ""}}}
        variants = [{"VariantName": "main", "ModelName": "model"}]
        await done(stage, "CreateEndpointConfig", **bare, ProductionVariants=variants)
        config = await done(stage, "DescribeEndpointConfig", EndpointConfigName="bare")
        model = await done(stage, "DescribeModel", ModelName="model")

        assert config["AsyncInferenceConfig"] == {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
            "OutputConfig": {},
        }
        assert set(model) == {"ModelName", "ModelArn", "CreationTime"}


async def test_a_model_echoes_unless_a_callable_was_registered_for_it() -> None:
    """Registering may come before or after CreateModel."""
    async with open_stage() as stage:

        async def shout(_request: object) -> str:
            return "!"

        stage.endpoints.register_model("model", shout)
        await in_service(stage)
        await done(stage, "CreateModel", ModelName="plain")
        await done(
            stage,
            "CreateEndpointConfig",
            **changed(
                EndpointConfigName="plain", ProductionVariants=[{"VariantName": "v", "ModelName": "plain"}]
            ),
        )
        await done(stage, "CreateEndpoint", EndpointName="plain", EndpointConfigName="plain")
        for name in ("digits", "plain"):
            endpoint = stage.endpoints.get(name)
            submit(endpoint, b"hello", filename=name)
            await endpoint.wait_idle()
        bodies = [stage.objects.get("bucket", f"out/{name}").body for name in ("digits", "plain")]  # type: ignore[union-attr]

        assert bodies == [b"!", b"hello"]

        stage.endpoints.register_model("plain", shout)
        await done(stage, "UpdateEndpoint", EndpointName="plain", EndpointConfigName="plain")
        endpoint = stage.endpoints.get("plain")
        submit(endpoint, b"hello", filename="plain")
        await endpoint.wait_idle()

        assert stage.objects.get("bucket", "out/plain").body == b"!"  # type: ignore[union-attr]


async def test_each_change_sends_a_test_notification_to_both_topics() -> None:
    """On creation, on update, on scaling."""
    async with open_stage() as stage:
        await in_service(stage)
        await done(stage, "UpdateEndpoint", EndpointName="digits", EndpointConfigName="config")
        desired = [{"VariantName": "main", "DesiredInstanceCount": 0}]
        await done(
            stage,
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="digits",
            DesiredWeightsAndCapacities=desired,
        )

        assert [topic for topic, _ in stage.inbox.published] == [SUCCESS, ERROR] * 3
        assert stage.inbox.results() == []
        assert stage.endpoints.get("digits").instances == 0


async def test_an_endpoint_whose_topics_do_not_answer_is_not_made() -> None:
    """The error says which permission is missing."""
    async with open_stage() as stage:
        stage.inbox.topics.clear()
        await done(stage, "CreateModel", ModelName="model")
        await done(stage, "CreateEndpointConfig", **CONFIG)
        code, message = await refused(
            stage, "CreateEndpoint", {"EndpointName": "digits", "EndpointConfigName": "config"}
        )

        assert code == "ValidationException"
        assert "sns:Publish" in message
        assert stage.endpoints.endpoints == {}


async def test_endpoints_are_listed_newest_first() -> None:
    """And can be filtered by a part of the name."""
    async with open_stage() as stage:
        await in_service(stage)
        await done(stage, "CreateEndpoint", EndpointName="letters", EndpointConfigName="config")
        every = await done(stage, "ListEndpoints")
        some = await done(stage, "ListEndpoints", NameContains="igi")

        assert [each["EndpointName"] for each in cast("list[dict[str, str]]", every["Endpoints"])] == [
            "letters",
            "digits",
        ]
        assert [each["EndpointName"] for each in cast("list[dict[str, str]]", some["Endpoints"])] == [
            "digits"
        ]


async def test_what_is_deleted_is_gone() -> None:
    """The endpoint outlives its configuration and model, and not its own deletion."""
    async with open_stage() as stage:
        await in_service(stage)
        await done(stage, "DeleteModel", ModelName="model")
        await done(stage, "DeleteEndpointConfig", EndpointConfigName="config")
        await done(stage, "DescribeEndpoint", EndpointName="digits")
        await done(stage, "DeleteEndpoint", EndpointName="digits")
        everything = [
            ("DescribeEndpoint", "EndpointName", "digits", "endpoint", "endpoint"),
            ("DeleteEndpoint", "EndpointName", "digits", "endpoint", "endpoint"),
            (
                "DescribeEndpointConfig",
                "EndpointConfigName",
                "config",
                "endpoint configuration",
                "endpoint-config",
            ),
            ("DescribeModel", "ModelName", "model", "model", "model"),
        ]
        for operation, member, name, words, kind in everything:
            code, message = await refused(stage, operation, {member: name})

            assert code == "ValidationException"
            assert message == f'Could not find {words} "{ARN}{kind}/{name}".'


async def test_names_are_taken_once() -> None:
    """Whatever exists already cannot be made again."""
    async with open_stage() as stage:
        await in_service(stage)
        again: list[tuple[str, dict[str, object], str]] = [
            ("CreateModel", {"ModelName": "model"}, "model"),
            ("CreateEndpointConfig", CONFIG, "endpoint configuration"),
            ("CreateEndpoint", {"EndpointName": "digits", "EndpointConfigName": "config"}, "endpoint"),
        ]
        for operation, members, words in again:
            code, message = await refused(stage, operation, members)

            assert code == "ValidationException"
            assert message.startswith(f"Cannot create already existing {words} ")


def _output(**members: object) -> dict[str, object]:
    return {"AsyncInferenceConfig": {"OutputConfig": members}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"EndpointConfigName": "under_score"}, "regular expression pattern"),
        ({"EndpointConfigName": "a" * 64}, "regular expression pattern"),
        (
            {"EndpointConfigName": None},
            "'endpointConfigName' failed to satisfy constraint: Member must not be null",
        ),
        ({"ProductionVariants": []}, "'productionVariants'"),
        ({"ProductionVariants": [{}, {}]}, "one production variant"),
        ({"ProductionVariants": [{"VariantName": "v"}]}, "'modelName'"),
        ({"ProductionVariants": [{"VariantName": "v", "ModelName": "unknown"}]}, "Could not find model"),
        (
            {"ProductionVariants": [{"VariantName": "v", "ModelName": "model", "InitialInstanceCount": -1}]},
            "greater than or equal to 0",
        ),
        ({"AsyncInferenceConfig": None}, "asynchronous endpoints only"),
        (
            {"AsyncInferenceConfig": {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 0}}},
            "1 and 1000",
        ),
        (_output(S3OutputPath="bucket/out"), "S3OutputPath: not an S3 location"),
        (_output(NotificationConfig={"IncludeInferenceResponseIn": ["SOME_TOPIC"]}), "enum value set"),
    ],
)
async def test_a_configuration_that_makes_no_sense_is_refused(members: dict[str, object], words: str) -> None:
    """With a ValidationException that names the member."""
    async with open_stage() as stage:
        await done(stage, "CreateModel", ModelName="model")
        code, message = await refused(stage, "CreateEndpointConfig", changed(**members))

        assert code == "ValidationException"
        assert words in message


@pytest.mark.parametrize(
    "members",
    [
        {"EndpointConfigName": 7},
        {"ProductionVariants": ["main"]},
        {"ProductionVariants": [{"VariantName": "v", "ModelName": "model", "InitialInstanceCount": True}]},
        {"AsyncInferenceConfig": []},
        _output(NotificationConfig={"IncludeInferenceResponseIn": "both"}),
    ],
)
async def test_a_member_of_the_wrong_type_is_a_serialization_error(members: dict[str, object]) -> None:
    """Before anything is looked up."""
    async with open_stage() as stage:
        await done(stage, "CreateModel", ModelName="model")
        code, message = await refused(stage, "CreateEndpointConfig", changed(**members))

        assert code == "SerializationException"
        assert "cannot be converted" in message


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    """As AWS's JSON services do."""
    async with open_stage() as stage:
        assert (await refused(stage, "ListEndpoints", body))[0] == "SerializationException"


async def test_scaling_needs_the_endpoints_own_variant() -> None:
    """Another name is refused, and an unnamed count changes nothing."""
    async with open_stage() as stage:
        await in_service(stage)
        foreign = [{"VariantName": "other", "DesiredInstanceCount": 9}]
        code, message = await refused(
            stage,
            "UpdateEndpointWeightsAndCapacities",
            {"EndpointName": "digits", "DesiredWeightsAndCapacities": foreign},
        )
        await done(
            stage,
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="digits",
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredWeight": 2.0}],
        )

        assert (code, message) == ("ValidationException", "Endpoint digits has no variant other.")
        assert stage.endpoints.get("digits").instances == 2


async def test_an_operation_that_is_not_emulated_is_refused_by_name() -> None:
    """It counts as unknown."""
    async with open_stage() as stage:
        code, message = await refused(stage, "CreateTrainingJob")

        assert stage.service.operation(control_call("CreateTrainingJob")) == "Unknown"
        assert stage.service.operation(control_call("CreateModel")) == "CreateModel"
        assert code == "UnknownOperationException"
        assert "SageMaker.CreateTrainingJob" in message


async def test_the_store_shows_its_endpoints() -> None:
    """For whoever looks at it in a debugger."""
    async with open_stage() as stage:
        empty = repr(stage.endpoints)
        await in_service(stage)

        assert (empty, repr(stage.endpoints)) == ("<EndpointStore empty>", "<EndpointStore digits>")
