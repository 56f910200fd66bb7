"""All models, endpoint configurations and endpoints of the emulated account, by name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from aio_sm_async.emulator.endpoint import Endpoint, Surroundings
from aio_sm_async.emulator.endpoint_config import EndpointConfig
from aio_sm_async.emulator.model import Model, echo
from aio_sm_async.emulator.service import ServiceFault


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One model.

    Attributes:
        name: ``ModelName``.
        model: What answers.
        image: ``PrimaryContainer.Image``, kept and told.
        role_arn: ``ExecutionRoleArn``, kept and told.
        created_time: When it was made, UTC.
    """

    name: str
    model: Model
    image: str | None
    role_arn: str | None
    created_time: datetime


class EndpointStore:
    """Makes, changes and removes them, as the control plane would; in-process and by its typed names.

    Attributes:
        account_id: The emulated account.
        region: The emulated region.
        endpoints: The endpoints, by name.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.account_id = surroundings.account_id
        self.region = surroundings.region
        self.endpoints: dict[str, Endpoint] = {}
        self._around = surroundings
        self._callables: dict[str, Model] = {}
        self._models: dict[str, RegisteredModel] = {}
        self._configs: dict[str, EndpointConfig] = {}

    def __repr__(self) -> str:
        return f"<EndpointStore {', '.join(self.endpoints) or 'empty'}>"

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a ``model``, ``endpoint-config`` or ``endpoint``."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{kind}/{name}"

    def register_model(self, name: str, model: Model) -> None:
        """Let this callable answer for the model of that name, whether it exists already or not."""
        self._callables[name] = model
        known = self._models.get(name)
        self._models[name] = RegisteredModel(
            name,
            model,
            known.image if known else None,
            known.role_arn if known else None,
            known.created_time if known else self._around.clock.utc_now(),
        )

    def create_model(self, name: str, *, image: str | None = None, role_arn: str | None = None) -> None:
        """Make a model that echoes, unless a callable was registered under its name."""
        if name in self._models and name not in self._callables:
            raise self._exists("model", name)
        model = self._callables.get(name, echo)
        self._models[name] = RegisteredModel(name, model, image, role_arn, self._around.clock.utc_now())

    def model(self, name: str) -> RegisteredModel:
        """The model of that name."""
        if name not in self._models:
            raise self._missing("model", name)
        return self._models[name]

    def delete_model(self, name: str) -> None:
        """Remove a model; endpoints that run it go on."""
        self.model(name)
        del self._models[name]
        self._callables.pop(name, None)

    def create_config(self, config: EndpointConfig) -> None:
        """Keep an endpoint configuration. Its model must exist."""
        if config.name in self._configs:
            raise self._exists("endpoint-config", config.name)
        self.model(config.model_name)
        self._configs[config.name] = config

    def config(self, name: str) -> EndpointConfig:
        """The endpoint configuration of that name."""
        if name not in self._configs:
            raise self._missing("endpoint-config", name)
        return self._configs[name]

    def delete_config(self, name: str) -> None:
        """Remove an endpoint configuration; endpoints that use it go on."""
        self.config(name)
        del self._configs[name]

    def create(self, name: str, config_name: str) -> Endpoint:
        """Make an endpoint; it is in service at once, and its topics have had their test notification."""
        if name in self.endpoints:
            raise self._exists("endpoint", name)
        config = self.config(config_name)
        endpoint = Endpoint(name, config, self.model(config.model_name).model, self._around)
        self._announce(endpoint)
        self.endpoints[name] = endpoint
        return endpoint

    def update(self, name: str, config_name: str) -> Endpoint:
        """Put another configuration into force."""
        endpoint, config = self.get(name), self.config(config_name)
        endpoint.reconfigure(config, self.model(config.model_name).model)
        self._announce(endpoint)
        return endpoint

    def scale(self, name: str, instances: int) -> Endpoint:
        """Change the number of instances; like every update, it sends test notifications."""
        endpoint = self.get(name)
        endpoint.set_instances(instances)
        self._announce(endpoint)
        return endpoint

    def get(self, name: str) -> Endpoint:
        """The endpoint of that name.

        Raises:
            ServiceFault: There is none.
        """
        if name not in self.endpoints:
            raise self._missing("endpoint", name)
        return self.endpoints[name]

    def find(self, name: str, region: str) -> Endpoint | None:
        """The endpoint of that name in that region, or None."""
        return self.endpoints.get(name) if region == self.region else None

    async def delete(self, name: str) -> None:
        """Remove an endpoint, and with it what is queued and in progress."""
        endpoint = self.get(name)
        del self.endpoints[name]
        await endpoint.aclose()

    async def aclose(self) -> None:
        """Remove all endpoints."""
        await asyncio.gather(*(self.delete(name) for name in tuple(self.endpoints)))

    def _announce(self, endpoint: Endpoint) -> None:
        try:
            endpoint.announce()
        except ServiceFault as fault:
            raise ServiceFault(
                "ValidationException",
                f"The execution role of endpoint {endpoint.name} is invalid. Please ensure that the topics "
                f"exist and that the role has sns:Publish permissions on them: {fault.message}",
            ) from fault

    def _missing(self, kind: str, name: str) -> ServiceFault:
        words = kind.replace("-config", " configuration")
        return ServiceFault("ValidationException", f'Could not find {words} "{self.arn(kind, name)}".')

    def _exists(self, kind: str, name: str) -> ServiceFault:
        words = kind.replace("-config", " configuration")
        return ServiceFault(
            "ValidationException", f'Cannot create already existing {words} "{self.arn(kind, name)}".'
        )
