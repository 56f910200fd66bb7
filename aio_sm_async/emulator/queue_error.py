"""The three names of an SQS error: the code here, the type in the JSON body, the code of the query protocol.

SDKs show the last one as the error's code (``AWS.SimpleQueueService.NonExistentQueue``), as AWS does to them.
"""

from __future__ import annotations

_MODELLED = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidAttributeName": "InvalidAttributeName",
    "InvalidAttributeValue": "InvalidAttributeValue",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "InvalidIdFormat": "InvalidIdFormat",
    "InvalidMessageContents": "InvalidMessageContents",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "OverLimit": "OverLimit",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "ReceiptHandleIsInvalid": "ReceiptHandleIsInvalid",
    "RequestThrottled": "RequestThrottled",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}
# These SQS's model does not list; the framework under it words them.
_FRAMEWORK = {
    "InvalidParameterValue": "com.amazon.coral.service#InvalidParameterValueException",
    "MissingParameter": "com.amazon.coral.service#MissingRequiredParameterException",
    "SerializationException": "com.amazon.coral.service#SerializationException",
}


def type_of(code: str) -> str:
    """What ``__type`` says."""
    if code in _MODELLED:
        return f"com.amazonaws.sqs#{code}"
    return _FRAMEWORK.get(code, code)


def query_code_of(code: str) -> str:
    """What ``x-amzn-query-error`` says before the semicolon."""
    return _MODELLED.get(code, code)
