"""The log between the steps: one protocol (`base`), an embedded one (`sqlite`), Kafka beyond."""
