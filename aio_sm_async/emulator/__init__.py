"""Amazon SageMaker Asynchronous Inference with S3, SQS and SNS in one process: loopback, over real HTTP."""
