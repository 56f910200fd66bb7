"""The asyncio SDK for Amazon SageMaker Asynchronous Inference."""

__version__ = "0.1.0.dev0"
